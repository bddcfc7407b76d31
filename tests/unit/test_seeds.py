import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from gliobench.seeds import derive_seed

IDENTITY = st.lists(st.one_of(st.integers(), st.text(st.characters(exclude_categories=["Cc", "Cs"]))), max_size=5)


def test_seeds_are_the_same_on_every_machine_and_python():
    assert derive_seed(1, "planted", "cnn3d", "main", 0) == 1361486536


def test_seeds_do_not_follow_the_hash_of_the_process():
    code = "from gliobench.seeds import derive_seed; print(derive_seed(7, 'planted'))"
    environments = [{"PYTHONHASHSEED": str(number), "PYTHONPATH": ":".join(sys.path)} for number in (1, 2)]
    printed = {
        subprocess.run([sys.executable, "-c", code], env=each, capture_output=True, text=True, check=True).stdout
        for each in environments
    }
    assert printed == {f"{derive_seed(7, 'planted')}\n"}


@given(st.integers(min_value=0), IDENTITY)
def test_seeds_fit_every_library(base, identity):
    assert 0 <= derive_seed(base, *identity) < 2**31


@given(st.integers(0, 1000), IDENTITY, IDENTITY)
def test_another_work_has_another_seed(base, one, other):
    if [str(part) for part in one] != [str(part) for part in other]:
        assert derive_seed(base, *one) != derive_seed(base, *other)
    assert derive_seed(base, *one) != derive_seed(base + 1, *one)


def test_parts_do_not_run_into_each_other():
    assert derive_seed(1, "ab", "c") != derive_seed(1, "a", "bc")
