# Uploads what was built from main and writes it down as a release, for every environment. It changes nothing that runs:
# what is uploaded is named by its content, and a release that nobody applied is only an item.
module "release" {
  source = "../modules/github-oidc-role"
  count  = var.github_repository == null ? 0 : 1

  name           = "release"
  description    = "lockgate release, for runs on the branch main"
  provider_arn   = local.github_provider_arn
  repository     = var.github_repository
  repository_ids = var.github_repository_ids
  audience       = local.github_audience
  subjects       = [local.github_main]
  ref            = local.github_ref

  statements = [
    {
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["${module.artifacts.arn}/functions/*"]
    },
    {
      # Without it S3 answers for an object that is not there as for a forbidden one.
      actions   = ["s3:ListBucket"]
      resources = [module.artifacts.arn]
    },
    {
      actions = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
      ]
      resources = [for repository in aws_ecr_repository.this : repository.arn]
    },
    {
      # The login is the registry's, for whatever else the role may do there. Where a repository is could be asked of ours
      # alone, but the emulated AWS sees no name in that question.
      actions   = ["ecr:DescribeRepositories", "ecr:GetAuthorizationToken"]
      resources = ["*"]
    },
    {
      # Releases, whose keys begin with `r` and no others: not what is live, no hold, no lock.
      actions    = ["dynamodb:GetItem", "dynamodb:PutItem"]
      resources  = [for table in aws_dynamodb_table.releases : table.arn]
      conditions = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["r*"] } }
    },
  ]
}
