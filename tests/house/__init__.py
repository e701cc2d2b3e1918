"""The rules of the house, each a function from one source file to its complaints."""
