# A role for jobs of one GitHub repository: who may assume it is the subject of their OIDC token, compared as a whole.
# https://docs.github.com/en/actions/reference/security/oidc
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif

locals {
  # Repositories made, renamed or transferred since July 2026 carry ids in their subjects.
  repository = var.repository_ids == null ? var.repository : format(
    "%s@%s/%s@%s",
    split("/", var.repository)[0], var.repository_ids.owner,
    split("/", var.repository)[1], var.repository_ids.repository,
  )
  # An ARN names its provider by the URL without the scheme; so do the condition keys.
  issuer = split("oidc-provider/", var.provider_arn)[1]
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = var.description
  max_session_duration = var.max_session_duration
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.provider_arn }
      Condition = {
        # Never StringLike, never ForAllValues: the first lets neighbours in, the second everyone without the claim.
        StringEquals = merge(
          {
            "${local.issuer}:aud" = var.audience
            "${local.issuer}:sub" = [for subject in var.subjects : "repo:${local.repository}:${subject}"]
          },
          # A subject names an environment or a branch, never both.
          var.ref == null ? {} : { "${local.issuer}:ref" = var.ref },
        )
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = var.name
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in var.statements : merge(
        { Effect = "Allow", Action = statement.actions, Resource = statement.resources },
        length(statement.conditions) == 0 ? {} : { Condition = statement.conditions },
      )
    ]
  })
}
