"""Starts ministack with what the rehearsal needs and ministack 1.5.33 lacks. Each part says what AWS does.

argv: nothing. Environment: ministack's own variables, and REHEARSAL_NONCE, by which whoever started this process knows
that it is the one that answers. Standard input: a pipe; when it closes, this process ends, so that
no way of killing its parent leaves it behind.
"""

import json
import os
import sys
import threading
import time

import h11
import ministack.app
from hypercorn.config import Config
from hypercorn.events import RawData
from hypercorn.protocol.h11 import H11Protocol
from ministack.core import iam_actions
from ministack.services import cognito, lambda_svc, sts

# What whoever started this process may ask for, below /_rehearsal/: calls that were refused, and aliases as they moved.
unsigned = []
moves = []


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


def signed_calls_only(app):
    """AWS refuses a call without credentials; ministack takes it for the account's root user.

    An HTTP API and a registry have their own say in who may ask, so theirs are none of the calls that are refused here.
    """

    open_paths = ("/_ministack/", "/_aws/execute-api/", "/v2/")
    told = {"/_rehearsal/unsigned": unsigned, "/_rehearsal/aliases": moves}

    async def guarded(scope, receive, send):
        if scope["type"] != "http":
            return await app(scope, receive, send)
        path = scope["path"]
        if path in told:
            return await answer(send, 200, b"application/json", json.dumps(told[path]).encode())
        if path == "/_rehearsal/nonce":
            return await answer(send, 200, b"text/plain", os.environ["REHEARSAL_NONCE"].encode())
        headers = {name.lower(): value for name, value in scope["headers"]}
        if (
            b"authorization" in headers
            or b".execute-api." in headers.get(b"host", b"")
            or b"X-Amz-Signature=" in scope["query_string"]
            or path.startswith(open_paths)
        ):
            return await app(scope, receive, send)
        # A web identity token or SAML assertion is the credential of these two calls, in a form body.
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if b"Action=AssumeRoleWith" in body:
            replay = [{"type": "http.request", "body": body, "more_body": False}]

            async def again():
                return replay.pop() if replay else await receive()

            return await app(scope, again, send)
        unsigned.append("%s %s" % (scope["method"], path))
        await answer(
            send,
            403,
            b"application/json",
            b'{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}',
        )

    async def answer(send, status, kind, body):
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": body})

    return guarded


def remembered(call):
    """Remembers where an alias points after each call that made or moved it."""

    def move(function, *arguments):
        status, headers, body = call(function, *arguments)
        if status < 300:
            alias = json.loads(body)
            weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            moves.append(
                {
                    "at": time.time(),
                    "function": function,
                    "alias": alias["Name"],
                    "version": alias["FunctionVersion"],
                    "weights": weights,
                }
            )
        return status, headers, body

    return move


def destinations_of_an_alias(invoke):
    """Lambda reads the asynchronous invocation settings of the alias that was invoked; ministack those of $LATEST only.

    A function of the rehearsal has one alias, so its settings are the ones.
    """

    def invoke_async_with_retry(func, event):
        # What runs is a version; the settings lie with the function.
        name = (func.get("config") or func).get("FunctionName")
        configs = (lambda_svc._functions.get(name) or {}).get("event_invoke_configs") or {}
        if "$LATEST" not in configs and len(configs) == 1:
            func = {**func, "event_invoke_config": next(iter(configs.values()))}
        return invoke(func, event)

    return invoke_async_with_retry


def metrics_of_forwarded_functions(emit):
    """Lambda counts every invocation by function, alias and version, ministack some of them and by function only: who runs
    a forwarded function counts.
    """

    def emit_lambda_metrics(function_name, *arguments, **named):
        if "MINISTACK_LAMBDA_PROXY_" + function_name not in os.environ:
            emit(function_name, *arguments, **named)

    return emit_lambda_metrics


def claims_of_github(of_token):
    """AWS compares more claims of a job's token than audience and subject, if GitHub's own issuer made it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
    """

    host = "token.actions.githubusercontent.com"
    names = ("actor", "actor_id", "job_workflow_ref", "repository", "repository_id", "workflow", "ref", "environment")

    def web_identity_principal(token, *arguments):
        principal, keys = of_token(token, *arguments)
        if principal.endswith("/" + host):
            claims = cognito._decode_id_token_unverified(token)
            keys.update({"%s:%s" % (host, name): claims[name] for name in names if name in claims})
        return principal, keys

    return web_identity_principal


def actions_of_sqs(extract):
    """The batch calls of SQS are allowed by the single calls' actions; there are no actions named after them.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    """

    def extract_iam_action(*arguments):
        action = extract(*arguments)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    return extract_iam_action


def actions_of_aliases(of_path):
    """An alias is read, moved and deleted by actions of its own; ministack asks for ListAliases in their place.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
    """

    def lambda_action(method, path):
        parts = [part for part in path.split("/") if part]
        if "aliases" in parts[:-1]:
            return {"GET": "GetAlias", "PUT": "UpdateAlias", "DELETE": "DeleteAlias"}.get(method)
        if parts[-1:] == ["provisioned-concurrency"] and method == "GET":
            return "GetProvisionedConcurrencyConfig"
        return of_path(method, path)

    return lambda_action


def resources_of_names(extract):
    """What is made, deleted in a list or tagged is named in the call's body, and authorised by that name; ministack asks for
    "*" there.

    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """

    def extract_resource_arn(service, method, path, headers, body, parameters, region, account):
        found = extract(service, method, path, headers, body, parameters, region, account)
        if found != "*":
            return found
        if service == "lambda" and method == "POST" and path.rstrip("/").endswith("/functions"):
            name = iam_actions._safe_json_field(body, "FunctionName")
            return "arn:aws:lambda:%s:%s:function:%s" % (region, account, name)
        if service == "monitoring":
            name = iam_actions._query_param(parameters, "AlarmNames.member.1")
            tagged = iam_actions._query_param(parameters, "ResourceARN")
            return "arn:aws:cloudwatch:%s:%s:alarm:%s" % (region, account, name) if name else tagged or "*"
        return found

    return extract_resource_arn


def resources_of_tables(extract):
    """A table is tagged by its ARN."""

    def dynamodb_resource_arns(body, region, account):
        tagged = iam_actions._safe_json_field(body, "ResourceArn")
        return [tagged] if tagged else extract(body, region, account)

    return dynamodb_resource_arns


def over_tls(app):
    """AWS's endpoints are reached by TLS, and policies ask for it (aws:SecureTransport); loopback stands for it here."""

    async def forwarded(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await app(scope, receive, send)

    return forwarded


def failures_told(app):
    """Says in the log which calls failed here or got no answer: an SDK asks again, and finds that it was done."""

    async def told(scope, receive, send):
        status = None

        async def answering(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        def say(what):
            target = [value.decode() for name, value in scope["headers"] if name == b"x-amz-target"]
            print(time.time(), scope["method"], scope["path"], *target, what, file=sys.stderr, flush=True)

        if scope["type"] != "http":
            return await app(scope, receive, send)
        try:
            await app(scope, receive, answering)
        except BaseException as error:
            say("broke off after status %s: %r" % (status, error))
            raise
        if status is None or status >= 500:
            say("status %s" % status)

    return told


async def in_one_piece(connection, event):
    """Sends an answer's headers with what comes after them; hypercorn sends them alone.

    Terraform 1.11.4 now and then hangs up between the two: its SDK asks again and finds that what it asked for was done, so
    that Terraform takes its own lock for somebody else's (11 of 2,293 plans at three a time; in one piece none of 5,295).
    """
    try:
        data = connection.connection.send(event)
    except h11.LocalProtocolError:
        if connection.connection.their_state != h11.ERROR:
            raise
        return
    data = connection.__dict__.pop("held", b"") + data
    if isinstance(event, h11.Response):
        connection.held = data
    else:
        await connection.send(RawData(data=data))


threading.Thread(target=end_with_parent, daemon=True).start()
# hypercorn closes an idle connection also where a call has just come, which is then done and not answered.
Config.keep_alive_max_requests = 1
H11Protocol._send_h11_event = in_one_piece
lambda_svc._create_alias = remembered(lambda_svc._create_alias)
lambda_svc._update_alias = remembered(lambda_svc._update_alias)
lambda_svc.invoke_async_with_retry = destinations_of_an_alias(lambda_svc.invoke_async_with_retry)
lambda_svc._emit_lambda_metrics = metrics_of_forwarded_functions(lambda_svc._emit_lambda_metrics)
sts._web_identity_principal = claims_of_github(sts._web_identity_principal)
iam_actions._lambda_action = actions_of_aliases(iam_actions._lambda_action)
iam_actions.extract_iam_action = actions_of_sqs(iam_actions.extract_iam_action)
iam_actions.extract_resource_arn = resources_of_names(iam_actions.extract_resource_arn)
iam_actions.dynamodb_resource_arns = resources_of_tables(iam_actions.dynamodb_resource_arns)
ministack.app.app = failures_told(over_tls(signed_calls_only(ministack.app.app)))
ministack.app.main()
