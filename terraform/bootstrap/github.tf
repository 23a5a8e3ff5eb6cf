# Which of the repository's GitHub jobs may do what here: one file for each role. A role is bound to the branch main, and where
# it changes something also to a GitHub environment, which has reviewers or not. (Where AWS does not compare the branch of a job
# in an environment, see `github_ref`, the environment alone says which branches reach it.)

locals {
  # Without a repository nobody is let in, and nothing of this is made.
  github_environments = toset(var.github_repository == null ? [] : var.environments)
  github_provider_arn = try(coalesce(var.github_provider_arn, one(aws_iam_openid_connect_provider.github[*].arn)), "")

  github_main = "ref:refs/heads/main"
  # AWS compares this claim of GitHub's own issuer alone; asked for elsewhere, it would let nobody in.
  # As `lockgate assume-role` asks for it.
  github_audience = data.aws_partition.current.partition == "aws-cn" ? "sts.amazonaws.com.cn" : "sts.amazonaws.com"

  github_issuer = try(split("oidc-provider/", var.github_provider_arn)[1], trimprefix(var.github_issuer, "https://"))
  github_ref = (
    local.github_issuer == "token.actions.githubusercontent.com" && data.aws_partition.current.partition == "aws"
    ? "refs/heads/main" : null
  )

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
  client_id_list = [local.github_audience]
}
