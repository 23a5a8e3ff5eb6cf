# Moves aliases forward, and back when what it watches goes wrong: what rollback may, and what CloudWatch says.
module "promote" {
  source   = "../modules/github-oidc-role"
  for_each = local.github_environments

  name           = "promote-${each.key}"
  description    = "lockgate promote in ${each.key}, for jobs in the GitHub environment ${each.key}-promote"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  audience       = local.github_audience
  subjects       = ["environment:${each.key}-promote"]
  ref            = local.github_ref

  # As long as deploy.yml's job may take, and 10 minutes: without credentials nothing is taken back.
  max_session_duration = 7800

  statements = concat(local.moving[each.key], [
    {
      # An alias with provisioned concurrency cannot split its traffic. (The emulated AWS asks for the function itself.)
      actions   = ["lambda:GetProvisionedConcurrencyConfig"]
      resources = flatten([for function in local.functions[each.key] : [function, "${function}:*"]])
    },
    {
      # Metrics have no ARN, and AWS tells of composite alarms only whoever may ask for all.
      # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
      actions   = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"]
      resources = ["*"]
    },
  ])
}
