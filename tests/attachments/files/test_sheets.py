"""Workbooks and databases: a preview of each sheet, or of the table that is named."""

from __future__ import annotations

import sqlite3
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from stepmagic.attachments import files
from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.attachments.first_line import attach_word
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

TIMES = "\N{MULTIPLICATION SIGN}"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'

ROOT = (
    f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" '
    f'Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)


def said(attached: Attached) -> str:
    (part,) = attached.parts
    assert isinstance(part, Text)
    return part.text


def workbook(
    path: Path, sheets: dict[str, list[list[object]]], hidden: str = ""
) -> None:
    """Write a workbook by hand: cells are numbers or texts."""

    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    states = {hidden: 'state="hidden"'}
    names = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}" {states.get(name, "")}/>'
        for n, name in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="r{n}" Type="{LINKS}/worksheet" '
        f'Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", ROOT)
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{LINKS}"><sheets>{names}</sheets>'
            "</workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}">{links}</Relationships>',
        )
        for n, rows in enumerate(sheets.values(), 1):
            data = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
            archive.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f'<worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData></worksheet>',
            )


def test_a_workbook_is_a_preview_of_each_sheet(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    path = tmp_path / "b.xlsx"
    sheets: dict[str, list[list[object]]] = {
        "2024": [["zip", "n"], ["02134", 1], ["10001", 2.5]],
        "whole": [["n"], [1], [2]],
        "bare": [[1, 2], [3, 4]],
        "none": [],
        "kept back": [["secret"], ["x9"]],
    }
    workbook(path, sheets, hidden="kept back")
    attached = files.attach_path(path)
    text = said(attached)
    assert attached.size == "4 sheets"
    assert f"sheet 2024: 2 rows {TIMES} 2 columns" in text
    assert "0\t02134\t1" in text
    assert "n\tint\t0\t2\t1 / 1 / 2" in text
    assert "Sheet bare has no header" in text
    assert "sheet none: empty" in text
    assert "x9" not in text
    assert "1 hidden sheet of `b.xlsx` left out." in attached.differences
    (chosen,) = attach_word(f"{path}::whole", {}, Handling())
    assert chosen.size == f"2 rows {TIMES} 1 column"
    with pytest.raises(
        AttachmentError, match=r"no part 'nope'\. There are: 2024, whole"
    ):
        files.attach_path(path, part="nope")


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    (tmp_path / "b.xlsx").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(AttachmentError, match="cannot be read as a workbook"):
        files.attach_path(tmp_path / "b.xlsx")


def test_a_database_lists_its_tables_and_sends_the_one_named(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as database:
        database.execute('CREATE TABLE "my users" (email TEXT, n INTEGER)')
        database.execute("CREATE TABLE bare (a)")
        rows = [(f"u{n}@b.org", n) for n in range(30)]
        database.executemany('INSERT INTO "my users" VALUES (?, ?)', rows)
    database.close()
    listed = files.attach_path(path)
    assert "my users\t30\temail TEXT, n INTEGER" in said(listed)
    assert listed.size == "2 tables"
    (attached,) = attach_word(f"{path}::my users", {}, Handling())
    assert attached.size == f"30 rows {TIMES} 2 columns"
    assert "looks like e-mail addresses" in attached.notices[0]
    with pytest.raises(AttachmentError, match="There are: bare, my users"):
        files.attach_path(path, part="users")
    with pytest.raises(AttachmentError, match="'bare' is empty"):
        files.attach_path(path, part="bare")


def test_other_files_have_no_parts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(AttachmentError, match="are chosen by `::`"):
        attach_word(f"{tmp_path / 'a.txt'}::b", {}, Handling())
