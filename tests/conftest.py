"""What every test may rely on, however the run was started."""

import signal


def pytest_configure() -> None:
    """Undo ignored signals: a run in the background hands them to its children, and they would never stop."""
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
