# Plans what was merged, under Terraform's lock, and keeps the record of the plan that may then be applied. Beside locks
# and records it writes nothing.
module "check" {
  source   = "../modules/github-oidc-role"
  for_each = local.github_environments

  name           = "check-${each.key}"
  description    = "lockgate plan of ${each.key} before it is applied, for runs on the branch main"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  audience       = local.github_audience
  subjects       = [local.github_main]
  ref            = local.github_ref

  statements = concat(local.reading_own[each.key], local.locking[each.key], [
    {
      actions   = local.reading_functions
      resources = flatten([for function in local.functions[each.key] : [function, "${function}:*"]])
    },
    {
      # A record's key is its digest; whoever applies takes the digest from the run, not from here.
      actions   = ["s3:PutObject"]
      resources = ["${module.artifacts.arn}/plans/*"]
    },
  ])
}
