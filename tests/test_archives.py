"""Archives as other people's programs pack them: nested, locked, with backslashes, named in Chinese or Japanese."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from fer.media.archives import list_files
from fer.notebook.errors import UserError


def packed(files: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return content.getvalue()


def packed_by_windows(names: list[str], encoding: str) -> bytes:
    """A zip whose names are in an encoding which it does not tell."""
    encoded = [name.encode(encoding) for name in names]
    stand_ins = [f"<{number:0{len(name) - 2}}>" for number, name in enumerate(encoded)]
    content = packed(dict.fromkeys(stand_ins, b"x"))
    for stand_in, name in zip(stand_ins, encoded, strict=True):
        content = content.replace(stand_in.encode(), name)
    return content


def locked(content: bytes) -> bytes:
    """The zip, whose files say that they need a password."""
    changed = bytearray(content)
    for signature, flags in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        position = changed.find(signature)
        while position >= 0:
            changed[position + flags] |= 1
            position = changed.find(signature, position + 4)
    return bytes(changed)


def names_in(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return [file.name for file in list_files(path)[0]]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("gbk", ["高兴/1.jpg", "生气/照片2.jpg", "readme.txt"]),
        ("gbk", ["happy/QQ图片2023.jpg", "IMG照片.jpg"]),
        ("cp932", ["happy/IMGアルバム.jpg"]),
        ("cp437", ["Größe/Grüße.jpg", "Schönes Café/à.jpg", "España/niño.jpg"]),
        ("gbk", ["開心/1.jpg"]),  # GBK's own letters, not those of GB 2312
        ("cp932", ["笑顔/1.jpg", "怒り/写真2.jpg", "表情/ソ.jpg"]),  # two of them end in the byte of a backslash
        ("cp437", ["fröhlich/1.jpg", "müde/für mich.jpg", "Ärger/2.jpg"]),
        ("utf-8", ["祖母/1.jpg", "fröhlich/é.jpg"]),
        ("utf-8", ["plain/1.jpg"]),
    ],
)
def test_names_are_read_in_the_encoding_that_a_zip_does_not_tell(encoding: str, names: list[str], tmp_path: Path):
    assert names_in(tmp_path / "a.zip", packed_by_windows(names, encoding)) == sorted(names)


def test_backslashes_part_folders(tmp_path: Path):
    names = ["happy\\1.jpg", "sad\\1.jpg", "sad\\", "..\\..\\evil.jpg"]
    assert names_in(tmp_path / "a.zip", packed_by_windows(names, "ascii")) == [
        "../../evil.jpg",
        "happy/1.jpg",
        "sad/1.jpg",
    ]


def test_archives_in_archives_and_folders_are_folders_of_their_name(tmp_path: Path):
    (tmp_path / "album").mkdir()
    inner = packed({"1.jpg": b"one", "deeper.zip": packed({"2.jpg": b"two"})})
    (tmp_path / "album" / "happy.zip").write_bytes(packed({"more.ZIP": inner}))
    (tmp_path / "album" / "4.jpg.gz").write_bytes(gzip.compress(b"four"))
    with tarfile.open(tmp_path / "album" / "sad.tar.xz", "w:xz") as file:
        (tmp_path / "3.jpg").write_bytes(b"three")
        file.add(tmp_path / "3.jpg", "./sad/3.jpg")
        link = tarfile.TarInfo("out.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    files, problems = list_files(tmp_path / "album")
    assert problems == []
    assert {file.name: file.read() for file in files} == {
        "4.jpg.gz/4.jpg": b"four",
        "happy.zip/more.ZIP/1.jpg": b"one",
        "happy.zip/more.ZIP/deeper.zip/2.jpg": b"two",
        "sad.tar.xz/sad/3.jpg": b"three",
    }
    assert len({file.key for file in files}) == 4


def test_what_cannot_be_unpacked_is_named_and_the_others_are_read(tmp_path: Path):
    deep = packed({"1.jpg": b"1"})
    for _ in range(5):
        deep = packed({"in.zip": deep})
    contents = {
        "locked.zip": locked(packed({"1.jpg": b"1"})),
        "cut.zip": packed({"1.jpg": b"1"})[:40],
        "a.rar": b"Rar!\x1a\7",
        "a.7z": b"7z\xbc\xaf\x27\x1c",
        "cut.tar.gz": b"\x1f\x8b\x08" + bytes(20),
        "deep.zip": deep,
        "good.zip": packed({"1.jpg": b"1"}),
        "picture.zip": b"\xff\xd8\xff",  # named wrongly
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files, problems = list_files(tmp_path)
    assert [file.name for file in files] == ["good.zip/1.jpg", "picture.zip"]
    bad = sorted(contents.keys() - {"good.zip", "picture.zip"})
    assert sorted(line.split()[0].partition("/")[0] for line in problems) == bad
    assert any(line.startswith("locked.zip is locked by a password. Unpack") for line in problems)
    for name in bad:
        with pytest.raises(UserError, match=name.replace("deep", "in")):
            list_files(tmp_path / name)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("fer.media.collections.LARGEST_ARCHIVE", 10_000_000)
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as file:
        member = tarfile.TarInfo("zeros.jpg")
        member.size = 20_000_000
        file.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(UserError, match="unpacks to more than"):
        list_files(tmp_path / "bomb.tar.gz")
