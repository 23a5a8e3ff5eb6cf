# What a release is made of: zips (`functions/<name>/<sha256>.zip`), plan records (`plans/<digest>.json`), and images.
# Everything is named by its content, so a change never overwrites and environments share it.

module "artifacts" {
  source = "../modules/bucket"

  name    = "${var.name_prefix}-artifacts-${var.account_id}"
  protect = var.protect
}

resource "aws_ecr_repository" "this" {
  for_each = toset(["enrich", "query"])

  name                 = each.key
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.protect

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

# Lambda would write this policy itself for whoever creates a function, if that one may change the repository: nobody
# who deploys needs that right.
resource "aws_ecr_repository_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaRunsImages"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Condition = {
        StringLike = {
          "aws:SourceArn" = "arn:${data.aws_partition.current.partition}:lambda:${var.region}:${var.account_id}:function:${each.key}-*"
        }
      }
    }]
  })
}
