"""Checkpoints and keys are those of C2SP: what others have signed can be read here, and what we sign there."""

from base64 import b64decode

import pytest

from renewd.seal.keys import PublicKey, SigningKey
from renewd.seal.note import Checkpoint, checkpoints
from renewd.seal.tree import Tree

# The key pair in the documentation of Go's package sumdb/note.
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
EXAMPLE = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
KEY = SigningKey.parse(SECRET)
ROOT = Tree().root


def test_keys_are_written_as_others_write_them() -> None:
    assert (str(KEY.public), KEY.secret) == (PUBLIC, SECRET)
    assert PublicKey.parse(f"{PUBLIC}\n") == KEY.public


def test_the_example_of_the_format_is_read_and_written_as_it_is() -> None:
    checkpoint = Checkpoint.parse(EXAMPLE)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root == b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert checkpoint.note == EXAMPLE


def test_a_signature_holds_for_what_was_signed_and_for_nothing_else() -> None:
    signed = KEY.sign(Checkpoint("PeterNeumann", 0, ROOT))
    assert KEY.public.signed(signed) is True
    other = Checkpoint("PeterNeumann", 1, ROOT, signed.signatures)
    assert KEY.public.signed(other) is False
    assert KEY.public.signed(Checkpoint("PeterNeumann", 0, ROOT)) is None
    assert SigningKey.generate("PeterNeumann").public.signed(signed) is None


def test_a_file_holds_many_signed_or_not() -> None:
    unsigned = Checkpoint("renewd", 7, ROOT)
    signed = KEY.sign(Checkpoint("PeterNeumann", 8, ROOT))
    text = unsigned.note + signed.note + unsigned.note + EXAMPLE
    assert list(checkpoints(text)) == [unsigned, signed, unsigned, Checkpoint.parse(EXAMPLE)]
    assert list(checkpoints(f"\n\n{text}\n".replace("\n", "\r\n"))) == list(checkpoints(text))
    assert not list(checkpoints("\n"))


@pytest.mark.parametrize(
    "note",
    [
        "renewd\n7\n",
        "renewd\n07\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "renewd\n-7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        "renewd\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n",
        "renewd\n7\nAAAA\n",
        "renewd\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nmore\n",
        "renewd\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u2014 renewd\n",
        "renewd\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u2014 renewd AAAA\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(ValueError):
        list(checkpoints(note))


@pytest.mark.parametrize(
    "line", ["", PUBLIC, SECRET[:-4], SECRET.replace("c74f", "c74e"), "PRIVATE+KEY+a+b+c"]
)
def test_what_is_no_key_is_refused_and_not_quoted(line: str) -> None:
    with pytest.raises(ValueError) as refused:
        SigningKey.parse(line)
    assert "AYEK" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "x" * 129])
def test_a_log_has_a_name_that_fits_into_a_note(name: str) -> None:
    with pytest.raises(ValueError, match="has no spaces"):
        SigningKey.generate(name)


def test_a_key_shows_nothing_of_itself() -> None:
    assert "AYEK" not in repr(KEY)
    assert str(KEY.seed) not in repr(KEY)
