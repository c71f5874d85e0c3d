"""Vocabularies, and files read as a stream of chunks."""

import json

import pytest

from microgrid.train.text import TextStream, Vocabulary


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "text.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_words_and_characters():
    assert Vocabulary(["cat", "mat", "rat"]).encode(["rat", "cat"]) == [2, 0]
    vocabulary = Vocabulary.of(["hello", "é\n"])
    assert "".join(vocabulary.items) == "\nehloé"
    assert vocabulary.decode(vocabulary.encode("hé")) == "hé"
    assert vocabulary.one_hot("o") == [0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ("'z' is not in the vocabulary h, e, l, o$", lambda: Vocabulary("helo").encode("z")),
        (r"'z' is not in the vocabulary '\\n', a$", lambda: Vocabulary("\na").index("z")),
        (r"\(60 in all\)", lambda: Vocabulary(map(chr, range(200, 260))).index("z")),
        ("at least one item", lambda: Vocabulary("")),
        ("lists each item once", lambda: Vocabulary("hello")),
    ],
)
def test_vocabulary_errors(message, wrong):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_chunks_follow_one_another_and_begin_again(write):
    stream = TextStream(write("abcdefgh"), length=3)
    decode = stream.vocabulary.decode
    chunks = [next(stream) for _ in range(4)]
    assert [decode(c.inputs) for c in chunks] == ["abc", "def", "abc", "def"]
    assert [decode(c.targets) for c in chunks] == ["bcd", "efg", "bcd", "efg"]
    assert [c.first for c in chunks] == [True, False, True, False]


def test_a_short_file_gives_one_short_chunk(write):
    stream = TextStream(write("ab"), length=25)
    chunks = [next(stream) for _ in range(2)]
    assert [(c.inputs, c.targets, c.first) for c in chunks] == [([0], [1], True)] * 2


def test_any_character_of_unicode(write):
    text = "é😀\r\n日本" * 5000  # many blocks; \r\n stays two characters
    stream = TextStream(write(text), length=7)
    assert stream.characters == len(text) == 30000
    read = "".join(stream.vocabulary.decode(next(stream).inputs) for _ in range(4000))
    assert read == text[:28000]


def test_a_saved_place_is_found_again(write):
    path = write("日本語 text é" * 50)
    one = TextStream(path, length=4)
    for _ in range(13):
        next(one)
    state = json.loads(json.dumps(one.state_dict()))
    two = TextStream(path, length=4)
    two.load_state_dict(state)
    assert [next(one) for _ in range(200)] == [next(two) for _ in range(200)]


def test_a_file_that_has_changed(write):
    state = TextStream(write("hello")).state_dict()
    stream = TextStream(write("hello!"))
    with pytest.raises(ValueError, match="holds 6 characters, but 5 when the state was saved"):
        stream.load_state_dict(state)


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ("holds no characters, but a text to learn from needs 2 or more", ""),
        ("holds 1 character, but", "x"),
        ("is not UTF-8 text: it has a byte 0xff", b"abc\xff"),
        ("is not UTF-8 text", "é".encode()[:1]),
    ],
)
def test_files_to_refuse(write, message, content):
    with pytest.raises(ValueError, match=message):
        TextStream(write(content))


def test_length_and_missing_file(write, tmp_path):
    with pytest.raises(ValueError, match="length must be 1 or more, got 0"):
        TextStream(write("hello"), length=0)
    with pytest.raises(FileNotFoundError):
        TextStream(tmp_path / "none.txt")


def test_lanes_are_a_batch_and_each_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "ä.txt"
    path.write_text("äbcdefgh" * 3)
    stream = TextStream(path, length=3)
    lanes = stream.lanes(3)
    read = [[stream.vocabulary.decode(c.inputs) for c in batch] for batch in
            (next(zip(*lanes)), next(zip(*lanes)))]  # fmt: skip
    assert read == [["äbc", "äbc", "äbc"], ["def", "def", "def"]]
    assert [lane.state_dict()["last"] for lane in lanes] == ["g"] * 3
    for count in (0, 7):
        with pytest.raises(ValueError, match=f"room for 1 to 6 lanes of 3 characters, got {count}"):
            stream.lanes(count)
