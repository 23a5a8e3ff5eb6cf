# Compares what is there with what should be there, on a schedule: it reads, and takes no lock.
module "drift" {
  source = "../modules/github-oidc-role"
  count  = var.github_repository == null ? 0 : 1

  name           = "drift"
  description    = "lockgate drift, for runs on the branch main"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  audience       = local.github_audience
  subjects       = [local.github_main]
  ref            = local.github_ref
  statements     = local.reading_all
}
