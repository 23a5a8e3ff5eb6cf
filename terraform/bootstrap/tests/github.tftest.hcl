# Pins which of GitHub's jobs is let in where, and that nobody is let in unasked.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  account_id        = "111122223333"
  region            = "eu-central-1"
  github_repository = "acme/calls"
}

run "without_a_repository_nobody_is_let_in" {
  variables {
    github_repository = null
  }

  assert {
    condition = length(aws_iam_openid_connect_provider.github) == 0 && output.roles == null && 0 == sum([
      length(module.plan), length(module.release), length(module.drift),
      length(module.check), length(module.deploy), length(module.promote), length(module.rollback),
    ])
    error_message = "There is a provider or a role although no repository was named."
  }
}

run "every_role_is_taken_by_its_own_jobs_alone" {
  assert {
    condition = merge(
      { plan = module.plan[0].subjects, release = module.release[0].subjects, drift = module.drift[0].subjects },
      { for environment, role in module.check : "check ${environment}" => role.subjects },
      { for environment, role in module.deploy : "deploy ${environment}" => role.subjects },
      { for environment, role in module.promote : "promote ${environment}" => role.subjects },
      { for environment, role in module.rollback : "rollback ${environment}" => role.subjects },
      ) == {
      "plan"                = ["repo:acme/calls:pull_request"]
      "release"             = ["repo:acme/calls:ref:refs/heads/main"]
      "drift"               = ["repo:acme/calls:ref:refs/heads/main"]
      "check production"    = ["repo:acme/calls:ref:refs/heads/main"]
      "check staging"       = ["repo:acme/calls:ref:refs/heads/main"]
      "deploy production"   = ["repo:acme/calls:environment:production"]
      "deploy staging"      = ["repo:acme/calls:environment:staging", "repo:acme/calls:environment:staging-approval"]
      "promote production"  = ["repo:acme/calls:environment:production-promote"]
      "promote staging"     = ["repo:acme/calls:environment:staging-promote"]
      "rollback production" = ["repo:acme/calls:environment:production-rollback"]
      "rollback staging"    = ["repo:acme/calls:environment:staging-rollback"]
    }
    error_message = "A role may be taken by other jobs than those it is for."
  }

  assert {
    condition = module.plan[0].ref == null && alltrue([
      for role in concat(
        [module.release[0], module.drift[0]],
        values(module.check), values(module.deploy), values(module.promote), values(module.rollback),
      ) : role.ref == "refs/heads/main"
    ])
    error_message = "A role that is main's may be taken by another branch."
  }

  assert {
    condition     = aws_iam_openid_connect_provider.github[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "The provider takes tokens that were made for somebody else."
  }
}

# AWS knows no branch of tokens that another issuer than GitHub's own made: a trust that asks for it lets nobody in.
run "where_aws_does_not_compare_the_branch_the_environment_alone_decides" {
  variables {
    github_issuer = "https://github.example.com/_services/token"
  }

  assert {
    condition     = module.deploy["production"].ref == null && module.release[0].ref == null
    error_message = "A role can be taken by nobody."
  }
}

# There `lockgate assume-role` asks for tokens for another audience.
run "in_china_the_provider_takes_tokens_for_its_own_sts" {
  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-cn" }
  }

  assert {
    condition = (
      aws_iam_openid_connect_provider.github[0].client_id_list == toset(["sts.amazonaws.com.cn"])
      && module.release[0].ref == null
    )
    error_message = "Every job is denied there."
  }
}

# What deploy.yml asks for (`duration`), which tests of the workflows compare with the jobs' timeouts. AWS refuses more.
run "credentials_are_good_for_as_long_as_the_job" {
  assert {
    condition = alltrue(concat(
      [for role in module.deploy : role.max_session_duration == 6000],
      [for role in module.promote : role.max_session_duration == 7800],
      [for role in concat([module.plan[0], module.release[0], module.drift[0]], values(module.check), values(module.rollback)) : role.max_session_duration == 3600],
    ))
    error_message = "A role's sessions are shorter or longer than its job."
  }
}

# GitHub makes an environment that a job names and that is not there, open to every branch: a trusted name that nobody makes
# would give the role to whoever may push.
run "what_is_always_approved_is_entered_by_no_other_environment" {
  variables {
    always_approved = ["staging", "production"]
  }

  assert {
    condition = { for environment, role in module.deploy : environment => role.subjects } == {
      production = ["repo:acme/calls:environment:production"]
      staging    = ["repo:acme/calls:environment:staging"]
    }
    error_message = "An environment that is always approved has a second way to its role."
  }
}

run "an_environment_that_is_approved_by_a_misspelt_name_is_refused" {
  command = plan

  variables {
    environments = ["staging", "prod"]
  }

  expect_failures = [var.always_approved]
}

run "one_output_names_every_role" {
  assert {
    condition = output.roles == {
      plan     = module.plan[0].arn
      release  = module.release[0].arn
      drift    = module.drift[0].arn
      check    = { production = module.check["production"].arn, staging = module.check["staging"].arn }
      deploy   = { production = module.deploy["production"].arn, staging = module.deploy["staging"].arn }
      promote  = { production = module.promote["production"].arn, staging = module.promote["staging"].arn }
      rollback = { production = module.rollback["production"].arn, staging = module.rollback["staging"].arn }
    }
    error_message = "The workflows look for their role under another name than the output gives it."
  }
}

run "an_account_that_has_a_provider_keeps_it" {
  variables {
    github_provider_arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && length(module.rollback) == 2
    error_message = "A second provider would be made, which AWS refuses."
  }
}

run "an_environment_whose_name_ends_like_another_is_refused" {
  command = plan

  variables {
    environments    = ["staging", "eu-staging"]
    always_approved = []
  }

  expect_failures = [var.environments]
}

run "every_policy_fits_into_its_role" {
  variables {
    environments    = ["staging", "sixteenletters16"]
    always_approved = []
  }

  override_resource {
    target = aws_dynamodb_table.releases["sixteenletters16"]
    values = { arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/lockgate_releases_sixteenletters16" }
  }

  # IAM counts the policy without white space, and as jsonencode writes it there is none.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  assert {
    condition = alltrue([
      for statements in concat(
        [module.plan[0].statements, module.release[0].statements, module.drift[0].statements],
        [for role in concat(values(module.check), values(module.deploy), values(module.promote), values(module.rollback)) : role.statements],
      ) : length(jsonencode({ Version = "2012-10-17", Statement = statements })) <= 10240
    ])
    error_message = "A policy is longer than the 10,240 characters that a role's inline policies may have together."
  }
}
