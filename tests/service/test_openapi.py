"""The OpenAPI description: complete, and no generated request makes an error of the server."""

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from clients import token_of
from gliobench_service.tables import ADMINISTRATOR
from gliobench_service.web import make_app

ROUTES = {
    "/health": {"get"},
    "/log": {"get"},
    "/predict": {"post"},
    "/results/{job_id}": {"get", "delete"},
    "/results/{job_id}/cancel": {"post"},
    "/results/{job_id}/images/{name}": {"get"},
    "/results/{job_id}/maps": {"get"},
    "/tokens": {"post"},
}

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture
def api(settings):
    app = make_app(settings.model_copy(update={"attempts": 10**6, "uploads_per_hour": 10**6}))
    return schemathesis.openapi.from_asgi("/openapi.json", app), token_of(settings, "ana", ADMINISTRATOR)


def test_the_description_names_every_route(settings):
    paths = make_app(settings).openapi()["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == ROUTES


@pytest.mark.parametrize("signed_in", [True, False])
def test_no_generated_request_makes_a_server_error(api, signed_in):
    schema, headers = api
    called = set()
    for result in schema.get_all_operations():
        operation = result.ok()

        @hypothesis.given(case=operation.as_strategy())
        @hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def check(case):
            answer = case.call_and_validate(headers=headers if signed_in else {}, checks=CHECKS)
            assert answer.status_code < 500, answer.text
            called.add(case.operation.path)

        check()
    assert called == set(ROUTES)
