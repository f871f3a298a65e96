"""Pages of ours in a real browser."""

import pytest

pytest.register_assert_rewrite("tests.browser.tab")  # so that a failure says what was found
