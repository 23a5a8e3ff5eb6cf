# Plans for pull requests, whose author decides what runs in the job: so it only reads. It takes no lock.
module "plan" {
  source = "../modules/github-oidc-role"
  count  = var.github_repository == null ? 0 : 1

  name           = "plan"
  description    = "lockgate plan, for pull requests from branches of the repository"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  audience       = local.github_audience
  subjects       = ["pull_request"]
  statements     = local.reading_all
}
