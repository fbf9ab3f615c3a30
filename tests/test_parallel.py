import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from animegan_tf.parallel import ReadAhead, iterate_ahead, map_ahead


def test_map_ahead_keeps_the_order_and_starts_only_a_few_calls_early():
    taken = []

    def items():
        for number in range(10):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(3) as pool:
        results = map_ahead(pool, lambda number: number**2, items(), ahead=4)
        assert taken == []
        item, future = next(results)
        assert (item, future.result(), taken) == (0, 0, [0, 1, 2, 3, 4])
        rest = [(item, future.result()) for item, future in results]
    assert rest == [(number, number**2) for number in range(1, 10)]


def test_one_failed_call_of_map_ahead_leaves_the_others_alone():
    with ThreadPoolExecutor(2) as pool:
        futures = [future for _, future in map_ahead(pool, lambda n: 1 / n, [1, 0, 2], ahead=9)]
    assert isinstance(futures[1].exception(), ZeroDivisionError)
    assert [futures[0].result(), futures[2].result()] == [1, 0.5]


def test_closing_map_ahead_cancels_what_has_not_begun():
    gate, begun = threading.Event(), []

    def wait(number):
        begun.append(number)
        gate.wait(60)

    with ThreadPoolExecutor(1) as pool:
        results = map_ahead(pool, wait, range(9), ahead=5)
        next(results)
        results.close()
        gate.set()
    assert len(begun) <= 1


def test_iterate_ahead_yields_all_items_in_order():
    with ThreadPoolExecutor(1) as pool:
        assert list(iterate_ahead(pool, range(7), ahead=2)) == list(range(7))
        assert list(iterate_ahead(pool, [], ahead=2)) == []
        assert list(itertools.islice(iterate_ahead(pool, itertools.count(), ahead=2), 3)) == [
            0,
            1,
            2,
        ]


def test_iterate_ahead_raises_after_the_items_that_came_before():
    def items():
        yield 1
        yield 2
        raise OSError("unplugged")

    seen = []
    with ThreadPoolExecutor(1) as pool, pytest.raises(OSError, match="unplugged"):
        for item in iterate_ahead(pool, items(), ahead=5):
            seen.append(item)
    assert seen == [1, 2]


def test_read_ahead_gives_the_right_result_in_any_order():
    results = ReadAhead(lambda number: number**2)
    for number in (0, 1, 2, 7, 3, 3, 9, 0):
        assert results(number, end=10) == number**2


def test_read_ahead_computes_each_number_once_and_none_beyond_the_end():
    calls = []

    def square(number):
        calls.append(number)
        return number**2

    results = ReadAhead(square, workers=2)
    assert [results(number, end=8) for number in range(8)] == [n**2 for n in range(8)]
    assert sorted(calls) == list(range(8))


def test_read_ahead_raises_the_error_of_its_number_only():
    results = ReadAhead(lambda number: 1 / (number - 2))
    assert results(1, end=5) == -1
    with pytest.raises(ZeroDivisionError):
        results(2, end=5)
    assert results(3, end=5) == 1
