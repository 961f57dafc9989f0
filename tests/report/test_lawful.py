"""What differs lawfully is shown as far as there is room, and what is left out is counted."""

from splitter.report.parts import lawful_lines


def shown(told, accepted=0):
    return [str(row) for row in lawful_lines(told, accepted, "bold")]


def test_a_long_list_of_names_is_cut_behind_a_name_and_the_rest_counted():
    names = [f"fn:torch_{number:03}" for number in range(100)]

    row = shown([f"compiled in no configuration that was built: {', '.join(names)}"])[-1]

    listed, _, rest = row.partition(" … and ")
    kept = listed.split(": ", 1)[1].split(", ")
    assert kept
    assert kept == names[: len(kept)]
    assert rest == f"{100 - len(kept)} more; --format json lists them all"
    assert len(row) < 260


def test_what_fits_is_whole():
    assert shown(["fn:rt_a: `line!` differs", "imports: 2 before, 3 after"])[-2:] == [
        "  fn:rt_a: `line!` differs",
        "  imports: 2 before, 3 after",
    ]


def test_places_beyond_the_first_and_accepted_ones_are_counted():
    rows = shown([f"fn:rt_{number}" for number in range(11)], accepted=4)

    assert rows[-2:] == ["  … and 3 more; --format json lists them all", "  4 accepted by the plan"]
