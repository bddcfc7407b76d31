import os

from gliobench.caches import OWN, keep_caches


def test_caches_lie_below_one_folder_but_for_what_the_user_has_set(monkeypatch, tmp_path):
    for name in OWN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TORCH_HOME", "/shared/torch")
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/someone/.cache")
    monkeypatch.chdir(tmp_path)
    keep_caches("results/.cache")
    assert os.environ["TORCH_HOME"] == "/shared/torch"
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / "results/.cache")
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "results/.cache/torchinductor")
    assert os.environ["KERAS_HOME"] == str(tmp_path / "results/.cache/keras")
    assert not list(tmp_path.iterdir()), "libraries make their folders themselves"
