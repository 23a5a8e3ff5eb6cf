# Pins what GitHub's jobs may do here, and that nobody is let in unasked.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = {
      partition = "aws"
    }
  }

  mock_resource "aws_iam_openid_connect_provider" {
    defaults = {
      arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    }
  }
}

# Names that tell the ledgers apart.
override_resource {
  target = aws_dynamodb_table.releases["staging"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_staging" }
}

override_resource {
  target = aws_dynamodb_table.releases["production"]
  values = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_production" }
}

variables {
  account_id = "111122223333"
  region     = "eu-central-1"
}

run "without_a_repository_nobody_is_let_in" {
  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && length(module.rollback) == 0
    error_message = "There is a provider or a role although no repository was named."
  }
}

run "each_environment_has_a_rollback_role" {
  variables {
    github_repository = "acme/calls"
  }

  assert {
    condition     = keys(output.rollback_roles) == ["production", "staging"]
    error_message = "There is not one role for each environment."
  }

  assert {
    condition     = aws_iam_openid_connect_provider.github[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "The provider takes tokens that were made for somebody else."
  }
}

run "a_rollback_role_reaches_its_own_environment_alone" {
  variables {
    github_repository = "acme/calls"
  }

  assert {
    condition = {
      for environment, role in module.rollback : environment => sort(flatten([for statement in role.statements : statement.Resource]))
      } == {
      for environment in ["production", "staging"] : environment => sort(concat(
        ["arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_${environment}"],
        flatten([
          for stem in ["ingest", "enrich", "query"] : [
            "arn:aws:lambda:eu-central-1:111122223333:function:${stem}-${environment}",
            "arn:aws:lambda:eu-central-1:111122223333:function:${stem}-${environment}:*",
          ]
        ]),
      ))
    }
    error_message = "A rollback role reaches something else than its environment's functions, their aliases and versions, and its ledger."
  }

  assert {
    condition = toset(flatten([for statement in module.rollback["staging"].statements : statement.Action])) == toset([
      "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:UpdateItem",
      "lambda:GetAlias", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:InvokeFunction", "lambda:UpdateAlias",
    ])
    error_message = "The rights of a rollback role are not what is written here: bring the code that needs the change along, and SECURITY.md."
  }
}

run "an_account_that_has_a_provider_keeps_it" {
  variables {
    github_repository   = "acme/calls"
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && length(module.rollback) == 2
    error_message = "A second provider would be made, which AWS refuses."
  }
}

run "the_plan_role_reads_and_nothing_else" {
  variables {
    github_repository = "acme/calls"
  }

  assert {
    condition     = module.plan[0].subjects == ["repo:acme/calls:pull_request"]
    error_message = "Others than pull requests of the repository may take the role."
  }

  assert {
    condition = alltrue([
      for action in flatten([for statement in module.plan[0].statements : statement.Action]) :
      can(regex("^(apigateway:GET|[a-z0-9]+:(BatchGet|Describe|Get|List|Query|Scan)[A-Za-z*]*)$", action))
    ])
    error_message = "The role may do something else than read."
  }

  assert {
    condition = alltrue([
      for statement in module.plan[0].statements : !contains(flatten([statement.Resource]), "*")
      if length(setintersection(flatten([statement.Action]), ["s3:GetObject", "s3:ListBucket", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "secretsmanager:GetSecretValue", "ssm:GetParameter", "logs:GetLogEvents"])) > 0
    ])
    error_message = "The role reads data that it need not read."
  }
}
