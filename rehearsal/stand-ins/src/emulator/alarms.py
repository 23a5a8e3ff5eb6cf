"""CloudWatch alarms as the rehearsal needs them and ministack 1.5.33 lacks them. Each part says what AWS does.

Environment: REHEARSAL_ALARM_MINUTE_SECONDS says how long a minute of an alarm's period lasts here, so that an alarm that
fired in one act is over in the next. On AWS a minute is a minute.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import ast
import json
import math
import operator
import os
import time
from xml.sax.saxutils import escape

from ministack.services import cloudwatch

MINUTE = float(os.environ.get("REHEARSAL_ALARM_MINUTE_SECONDS", "60"))
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda one, other: one / other if other else None,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
# Alarms whose state was set by hand, and until when it stands.
by_hand = {}


def calculated(node, named):
    """A metric math expression's value; nothing where a metric in it has none. What is not listed here is refused.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
    """
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return named(name)
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            left, right = calculated(left, named), calculated(right, named)
            return None if left is None or right is None else OPERATIONS[type(op)](left, right)
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            condition = calculated(condition, named)
            return None if condition is None else calculated(then if condition else otherwise, named)
    raise ValueError(f"the stand-in does not calculate {ast.unparse(node)}")


def statistic(metric, name, start, end):
    """The statistic of one metric, of exactly these dimensions: ministack takes every metric of the same name."""
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(metric.get("Dimensions") or []))
    points = cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], dimensions)) or []
    points = [point for point in points if start <= point["Timestamp"] < end]
    return cloudwatch._stat_value(cloudwatch._calc_stats(points), name, points) if points else None


def judged(alarm, start, end):
    """What the alarm compares with its threshold: a metric, or the one of its queries that returns data."""
    if not alarm.get("Metrics"):
        return statistic(alarm, alarm.get("ExtendedStatistic") or alarm["Statistic"], start, end)
    queries = {query["Id"]: query for query in alarm["Metrics"]}

    def named(name):
        query = queries[name]
        if "Expression" in query:
            return calculated(ast.parse(query["Expression"], mode="eval").body, named)
        return statistic(query["MetricStat"]["Metric"], query["MetricStat"]["Stat"], start, end)

    return named(next(name for name, query in queries.items() if query.get("ReturnData", True)))


def evaluate(alarm):
    """Judges the last periods, M out of N, by how missing data are to be taken; ministack knows one period.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    now = time.time()
    if not (alarm.get("Metrics") or alarm.get("MetricName")) or by_hand.get(alarm["AlarmName"], 0) > now:
        return
    stats = [query["MetricStat"] for query in alarm.get("Metrics") or [] if "MetricStat" in query]
    period = (stats[0] if stats else alarm)["Period"] * MINUTE / 60
    periods = range(alarm["EvaluationPeriods"])
    values = [judged(alarm, now - (before + 1) * period, now - before * period) for before in periods]
    missing = alarm["TreatMissingData"]
    if missing in ("missing", "ignore") and not any(value is not None for value in values):
        new = "INSUFFICIENT_DATA" if missing == "missing" else alarm["StateValue"]
    else:
        compare = COMPARISONS[alarm["ComparisonOperator"]]
        bad = [missing == "breaching" if value is None else compare(value, alarm["Threshold"]) for value in values]
        new = "ALARM" if sum(bad) >= alarm.get("DatapointsToAlarm", len(bad)) else "OK"
    old = alarm["StateValue"]
    if new == old:
        return
    reason = f"Threshold Crossed: {values} ({alarm['ComparisonOperator']} {alarm['Threshold']}), the latest first"
    alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(now))
    cloudwatch._record_history(alarm["AlarmName"], old, new, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def nested(params):
    """What the Query protocol's flat names, `Metrics.member.1.Id`, stand for."""
    tree = {}
    for name, value in params.items():
        *path, last = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value[0] if isinstance(value, list) else value

    def listed(node):
        if not isinstance(node, dict):
            return node
        if "member" in node:
            return [listed(node["member"][index]) for index in sorted(node["member"], key=int)]
        return {name: listed(value) for name, value in node.items()}

    return listed(tree)


def with_metric_math(put):
    """ministack drops the metric queries of an alarm."""

    def put_metric_alarm(params, data, is_cbor, is_json=False):
        request = data if is_cbor or is_json else nested(params)
        metrics = request.get("Metrics") or []
        try:
            for query in metrics:
                if "Expression" in query:
                    calculated(ast.parse(query["Expression"], mode="eval").body, lambda _: None)
                if "MetricStat" in query:
                    query["MetricStat"]["Period"] = int(query["MetricStat"]["Period"])
                query["ReturnData"] = query.get("ReturnData", True) in (True, "true")
        except (SyntaxError, ValueError) as error:
            return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
        answer = put(params, data, is_cbor, is_json)
        if answer[0] == 200:
            alarm = cloudwatch._alarms[request["AlarmName"]]
            if metrics:
                for name in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions"):
                    alarm.pop(name, None)
                alarm["Metrics"] = metrics
            evaluate(alarm)
        return answer

    return put_metric_alarm


def in_whole(describe):
    """AWS evaluates alarms as time passes, and describes all of them; ministack evaluates with new data only, and leaves
    most of an alarm out in the Query protocol. Children of a composite alarm, which it does not know, come on AWS with
    name, ARN and state alone.
    """

    def xml(value, name=""):
        if isinstance(value, dict):
            return "".join(f"<{key}>{xml(item, key)}</{key}>" for key, item in value.items() if item is not None)
        if isinstance(value, list):
            return "".join(f"<member>{xml(item)}</member>" for item in value)
        if isinstance(value, bool):
            return str(value).lower()
        return cloudwatch._ts_iso(value) if name.endswith("Timestamp") else escape(str(value))

    def children(composite):
        names = ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp")
        known = cloudwatch._composite_children(composite)
        return {
            kind: [{name: alarms[child][name] for name in names} for child in known if child in alarms]
            for kind, alarms in (("MetricAlarms", cloudwatch._alarms), ("CompositeAlarms", cloudwatch._composite_alarms))
        }

    def describe_alarms(params, data, is_cbor, is_json=False):
        cloudwatch._evaluate_all_alarms()
        request = data if is_cbor or is_json else nested(params)
        parent = request.get("ChildrenOfAlarmName")
        if parent:
            composite = cloudwatch._composite_alarms.get(parent)
            if not composite:
                text = f"{parent} is no composite alarm"
                return cloudwatch._error("ResourceNotFound", text, 404, use_json=is_json, use_cbor=is_cbor)
            answer = children(composite)
            if is_cbor:
                return cloudwatch._cbor_ok({kind: [cloudwatch._cbor_alarm(a) for a in found] for kind, found in answer.items()})
        elif is_cbor or is_json:
            return describe(params, data, is_cbor, is_json)
        else:
            status, headers, body = describe({}, request, False, True)
            if status != 200:
                return describe(params, data, is_cbor, is_json)
            answer = json.loads(body)
        if is_json:
            return cloudwatch._json_ok(answer)
        return cloudwatch._xml(200, "DescribeAlarmsResponse", f"<DescribeAlarmsResult>{xml(answer)}</DescribeAlarmsResult>")

    return describe_alarms


def for_a_while(set_state):
    """A state that is set by hand stands until the alarm's next evaluation, which on AWS comes within a minute."""

    def set_alarm_state(params, data, is_cbor, is_json=False):
        request = data if is_cbor or is_json else nested(params)
        answer = set_state(params, data, is_cbor, is_json)
        if answer[0] == 200:
            by_hand[request["AlarmName"]] = time.time() + MINUTE
        return answer

    return set_alarm_state


def by_whole_minutes(get):
    """AWS keeps metrics by the minute: a question from the middle of one is answered with all of it, the latest first.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
    """

    def get_metric_data(params, data, is_cbor, is_json=False):
        if not is_cbor:
            return get(params, data, is_cbor, is_json)
        start, end = (cloudwatch._parse_ts(data.get(name)) for name in ("StartTime", "EndTime"))
        if start is None or end is None:
            text = "StartTime and EndTime are required"
            return cloudwatch._error("ValidationError", text, 400, use_json=is_json, use_cbor=is_cbor)
        latest_first = data.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        encode = cloudwatch._cbor_metric_data_result

        def encoded(result):
            if latest_first:
                result = {**result, "Timestamps": result["Timestamps"][::-1], "Values": result["Values"][::-1]}
            return encode(result)

        cloudwatch._cbor_metric_data_result = encoded
        try:
            whole = {"StartTime": start // 60 * 60, "EndTime": math.ceil(end / 60) * 60}
            return get(params, {**data, **whole}, is_cbor, is_json)
        finally:
            cloudwatch._cbor_metric_data_result = encode

    return get_metric_data


cloudwatch._evaluate_alarm = evaluate
cloudwatch._put_metric_alarm = with_metric_math(cloudwatch._put_metric_alarm)
cloudwatch._describe_alarms = in_whole(cloudwatch._describe_alarms)
cloudwatch._set_alarm_state = for_a_while(cloudwatch._set_alarm_state)
cloudwatch._get_metric_data = by_whole_minutes(cloudwatch._get_metric_data)
