"""Let pytest explain the assertions of the oracle."""

import pytest

pytest.register_assert_rewrite("tests.promise.world")
