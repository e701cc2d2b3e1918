"""What a release is made of: manual pages, completions, the Debian package. Nothing of it is part of renewd."""
