from pathlib import Path

import pytest

from bot.settings.env_file import read_env_file, with_values
from routing.document import FileFaults


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  export  A = b  ", "b"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=b#c", "b#c"),
        ("A=b # c", "b"),
        ("A=b=c", "b=c"),
        ("A=123:AbC_-d", "123:AbC_-d"),
        ("A='b # \\n \"c\"' # d", 'b # \\n "c"'),
        ('A="b # \\n \\"c\\" \\\\ $X" # d', 'b # \n "c" \\ $X'),
        ("A=it's", "it's"),
        ("A=任務", "任務"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_line_gives_its_value(tmp_path: Path, line: str, value: str, ending: str) -> None:
    file = tmp_path / ".env"
    file.write_bytes(f"# a comment{ending or chr(10)}{line}{ending}".encode())

    assert read_env_file(file) == {"A": value}


def test_all_faults_are_told_and_no_value_is(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "A='canary\ncanary\nB=\"canary\" canary\nC=1\nC=canary\n1D=canary\n: canary\nE='a'canary\n", encoding="utf-8"
    )

    with pytest.raises(FileFaults) as caught:
        read_env_file(file)

    assert str(caught.value).splitlines() == [
        f"{file}:1:3: the quotes of A are not closed properly",
        f"{file}:2:1: write NAME=value",
        f"{file}:3:3: the quotes of B are not closed properly",
        f"{file}:5:1: C stands here a second time; the first is in line 4",
        f"{file}:6:1: write NAME=value",
        f"{file}:7:1: write NAME=value",
        f"{file}:8:3: the quotes of E are not closed properly",
    ]


def test_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FileFaults, match="there is no such file"):
        read_env_file(tmp_path / "none")


def test_values_are_set_in_place_and_new_ones_follow(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nexport A=old\nB=kept\n", encoding="utf-8")
    file.write_text(with_values(file.read_text(encoding="utf-8"), {"C": 'x"\\\n#', "A": "new one"}), encoding="utf-8")

    assert read_env_file(file) == {"A": "new one", "B": "kept", "C": 'x"\\\n#'}
    assert file.read_text(encoding="utf-8").splitlines()[0] == "# mine"
