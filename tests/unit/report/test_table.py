"""Columns that fit a width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_cnnperf.report.terminal.table import Cell, Column, fit


def rows(*texts):
    return [[Cell(text) for text in row] for row in texts]


def test_a_column_is_as_wide_as_its_longest_entry_or_title():
    grid = fit([Column("a", gap=0), Column("title"), Column("c")], rows(("one", "x", ""), ("three", "y", "")), 80)
    assert grid.widths == (5, 5, 0)
    assert grid.row(rows(("one", "x", ""))[0]).text == "one    x"


def test_numbers_stand_right():
    grid = fit([Column("ms", right=True, gap=0), Column("b")], rows(("1.5", "x"), ("12.5", "y")), 80)
    assert [grid.row(row).text for row in rows(("1.5", "x"), ("12.5", "y"))] == [" 1.5  x", "12.5  y"]
    assert grid.heading().text == "  ms  b"


def test_the_highest_rank_is_dropped_first():
    columns = [Column("a", gap=0), Column("b", optional=1), Column("c", optional=2)]
    table = rows(("12345", "12345", "12345"))
    assert fit(columns, table, 19).widths == (5, 5, 5)
    assert fit(columns, table, 18).widths == (5, 5, 0)
    assert fit(columns, table, 11).widths == (5, 0, 0)


def test_an_elastic_column_shrinks_before_another_is_dropped():
    columns = [Column("a", gap=0, least=4), Column("b", optional=1)]
    grid = fit(columns, rows(("abcdefgh", "12345")), 12)
    assert grid.widths == (5, 5)
    assert grid.row(rows(("abcdefgh", "12345"))[0]).text == "abcd…  12345"


def test_a_label_takes_the_place_of_the_first_columns():
    grid = fit([Column(gap=0), Column(), Column("ms", right=True)], rows(("torch", "direct", "12.5")), 80)
    assert grid.heading("conv1", over=2).text == "conv1" + " " * (5 + 2 + 6 - 5) + "    ms"
    assert grid.heading("conv1", aside="3×227", over=2).text == "conv1  3×227" + " " + "    ms"
    assert grid.heading("conv1", aside="too long to fit", over=2).text == grid.heading("conv1", over=2).text


words = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=20)


@given(st.lists(st.tuples(words, words, words), min_size=1), st.integers(30, 100))
def test_no_row_is_wider_than_the_terminal_when_columns_may_give_way(texts, width):
    columns = [Column("name", gap=0, least=10), Column("b", optional=1), Column("c", optional=2, right=True)]
    grid = fit(columns, rows(*texts), width)
    lines = [grid.heading().text, *(grid.row(row).text for row in rows(*texts))]
    assert max(map(len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)
