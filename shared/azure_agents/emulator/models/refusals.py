"""Error answers of deployments.

Sources: error_401_bad_key_dated, error_404_deployment_not_found, error_400_missing_model_responses,
error_400_prompt_content_filter, error_429_rate_limit_models_api. The sentences about single
parameters are OpenAI's, quoted by users of Azure; none of them was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..world import problems
from ..world.deployments import NO_DEPLOYMENT
from .filters import filtered_prompt

if TYPE_CHECKING:
    from ..world.problems import Problem

# What the layer of the models adds to its refusals.
_BY_MODEL = {
    "content-type": "application/json",
    "ms-azureml-model-error-reason": "model_error",
    "ms-azureml-model-error-statuscode": "400",
}
_NO_TYPE = {"content-type": ""}
_LEARN_OPERATIONS = (
    "You can learn more about which models can be used with each operation here: "
    "https://go.microsoft.com/fwlink/?linkid=2197993."
)


def invalid(message: str, param: str | None = None, code: str | None = None) -> Problem:
    """Build the refusal of a request that the model cannot take."""
    return by_model(problems.openai(400, message, param=param, code=code))


def by_model(problem: Problem) -> Problem:
    """Add the headers of the layer of the models to a refusal."""
    problem.headers = _BY_MODEL | problem.headers
    return problem


def missing(param: str) -> Problem:
    """Build the refusal of a request without a field that it needs."""
    return invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def unsupported(param: str, instead: str = "") -> Problem:
    """Build the refusal of a parameter that a family of models does not have."""
    hint = f" Use '{instead}' instead." if instead else ""
    message = f"Unsupported parameter: '{param}' is not supported with this model.{hint}"
    return invalid(message, param, "unsupported_parameter")


def unsupported_value(param: str, value: object, default: object) -> Problem:
    """Build the refusal of a value other than the one that a family of models takes."""
    message = (
        f"Unsupported value: '{param}' does not support {value} with this model. Only the default "
        f"({default}) value is supported."
    )
    return invalid(message, param, "unsupported_value")


def no_deployment() -> Problem:
    """Build the 404 of an unknown deployment, recorded without a content type in 2026."""
    error = {"type": "invalid_request_error", "code": "DeploymentNotFound"}
    return _of_gateway(404, error | {"message": NO_DEPLOYMENT}, _NO_TYPE)


def no_model() -> Problem:
    """Build the 400 of a body without a model; recorded for responses, for others a guess."""
    return _of_gateway(400, {"message": "Missed model deployment"}, _NO_TYPE)


def _of_gateway(status: int, error: Mapping[str, str], headers: dict[str, str]) -> Problem:
    body = {"error": dict(error)}
    return problems.Problem(status, body, headers=headers, has_request_id=False)


def wrong_operation(operation: str, model: str) -> Problem:
    """Build the 400 of an operation that the model does not have; quoted by users."""
    message = (
        f"The {operation} operation does not work with the specified model, {model}. Please choose "
        f"different model and try again. {_LEARN_OPERATIONS}"
    )
    return problems.gateway(400, "OperationNotSupported", message)


def prompt_filtered(blocked_by: str = "") -> Problem:
    """Build the 400 of a filtered prompt; `blocked_by` is the id of a blocklist."""
    message = (
        "The response was filtered due to the prompt triggering Azure OpenAI's content management "
        "policy. Please modify your prompt and retry. To learn more about our content filtering "
        "policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766"
    )
    error = {"message": message, "type": None, "param": "prompt", "code": "content_filter"}
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": filtered_prompt(blocked_by),
    }
    body = {"error": error | {"status": 400, "innererror": inner}}
    return problems.Problem(400, body, headers=dict(_BY_MODEL))


def too_many(milliseconds: int, headers: dict[str, str]) -> Problem:
    """Build the 429 of a deployment over its limit.

    Body and `retry-after` are quoted by users of Azure OpenAI; recorded is that of another model.
    """
    seconds = -(-milliseconds // 1000)
    message = (
        "Your requests have exceeded the call rate limit of your current pricing tier. "
        f"Please retry after {seconds} seconds."
    )
    waits = {"retry-after": str(seconds), "retry-after-ms": str(milliseconds)}
    error = {"code": "429", "message": message}
    return problems.Problem(429, {"error": error}, headers=waits | headers)


def with_limits(problem: Problem, limits: Mapping[str, str]) -> Problem:
    """Add the headers of limits to a refusal: recorded of a filtered prompt, which was counted."""
    problem.headers = {**limits, **problem.headers}
    return problem


def failed(code: str, message: str, refuse: Callable[..., Problem] = too_many) -> Problem:
    """Build the answer of a deployment whose script fails: by the code of the failure.

    Args:
        code: The code of the script.
        message: Its sentence.
        refuse: Builds a 429 from the milliseconds to wait and the headers.
    """
    if code == "content_filter":
        return prompt_filtered()
    if code == "rate_limit_exceeded":
        return refuse(1000, {})
    error = {"message": message, "type": "server_error", "param": None, "code": code}
    return problems.Problem(500, {"error": error})
