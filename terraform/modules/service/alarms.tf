# One alarm for the environment: any alarm of any function. It alone tells people, once, and names the alarms behind it.

locals {
  alarms = { ingest = module.ingest.alarms, enrich = module.enrich.alarms, query = module.query.alarms }
}

resource "aws_cloudwatch_composite_alarm" "environment" {
  alarm_name        = "lockgate-${var.environment}"
  alarm_description = "An alarm of a function of ${var.environment} fires."
  alarm_rule        = join(" OR ", [for name in flatten(values(local.alarms)) : "ALARM(\"${name}\")"])
  alarm_actions     = var.alarms.actions
  ok_actions        = var.alarms.actions
}
