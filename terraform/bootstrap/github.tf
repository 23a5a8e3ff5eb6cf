# Which of the repository's GitHub jobs may do what here: one file for each role. A role is bound to the branch main, or to a
# GitHub environment, which in turn says which branches reach it: an environment that anyone may deploy to opens its role to
# anyone who may push. A job in an environment has no branch in its subject, so it is never let in as main.

locals {
  # Without a repository nobody is let in, and nothing of this is made.
  github_environments = toset(var.github_repository == null ? [] : var.environments)
  github_provider_arn = try(coalesce(var.github_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)), "")

  github_main = "ref:refs/heads/main"

  # What is delivered, as lockgate.toml names it, in each environment: `<stem>-<environment>`. Named one by one, because
  # another function of the account may end like an environment, too.
  stems = ["ingest", "enrich", "query"]
  functions = {
    for environment in var.environments : environment => [
      for stem in local.stems : "${local.arn}:lambda:${var.region}:${var.account_id}:function:${stem}-${environment}"
    ]
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  # An account has one provider for an issuer; another stack may own it already.
  count = var.github_repository != null && var.github_provider_arn == null ? 1 : 0

  url            = var.github_issuer
  client_id_list = ["sts.amazonaws.com"]
}
