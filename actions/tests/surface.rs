//! An action's `action.yml` and its Rust say the same: an input that one of them does not know would be ignored in silence.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use clap::CommandFactory;
use lockgate::cli::Cli;
use yaml_serde::Value;

/// Every folder's `action.yml`, by the folder's name.
fn actions() -> BTreeMap<String, Value> {
    let mut actions = BTreeMap::new();
    for entry in fs::read_dir(std::env::var("CARGO_MANIFEST_DIR").expect("run by cargo")).expect("this crate's folder")
    {
        let folder = entry.expect("an entry").path();
        let Ok(text) = fs::read_to_string(folder.join("action.yml")) else { continue };
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        actions.insert(name, yaml_serde::from_str(&text).expect("YAML"));
    }
    assert!(actions.len() >= 6, "there are actions to compare");
    actions
}

fn keys(value: &Value) -> BTreeSet<String> {
    let keys = value.as_mapping().into_iter().flatten();
    keys.map(|(key, _)| key.as_str().expect("a name").to_owned()).collect()
}

fn variable(input: &str) -> String {
    format!("INPUT_{}", input.to_uppercase().replace('-', "_"))
}

fn steps(action: &Value) -> &[Value] {
    action["runs"]["steps"].as_sequence().map_or(&[], Vec::as_slice)
}

#[test]
fn inputs_and_arguments_are_the_same() {
    let cli = Cli::command();
    for (name, action) in actions() {
        let command = cli.find_subcommand(&name).unwrap_or_else(|| panic!("lockgate {name} is no command"));
        let arguments: BTreeSet<String> = command
            .get_arguments()
            .filter_map(|argument| Some(argument.get_env()?.to_str().expect("text").to_owned()))
            // The runner's own variables need no input.
            .filter(|variable| variable.starts_with("INPUT_"))
            .collect();
        let inputs: BTreeSet<String> = keys(&action["inputs"]).iter().map(|input| variable(input)).collect();
        assert_eq!(
            inputs, arguments,
            "{name}: the inputs of action.yml (left) and the arguments' variables (right) differ: add what one of them lacks"
        );
    }
}

#[test]
fn every_input_is_handed_on_under_its_own_name() {
    for (name, action) in actions() {
        let step = steps(&action).iter().find(|step| step["run"].is_string()).expect("a step that runs something");
        let handed_on: BTreeMap<String, String> = keys(&step["env"])
            .into_iter()
            .map(|key| (key.clone(), step["env"][key.as_str()].as_str().expect("text").to_owned()))
            .collect();
        let expected = keys(&action["inputs"]);
        let expected = expected.iter().map(|input| (variable(input), format!("${{{{ inputs.{input} }}}}"))).collect();
        assert_eq!(
            handed_on, expected,
            "{name}: the step's env (left) has to hand on every input (right) under its own name"
        );
    }
}

#[test]
fn every_output_is_its_steps_own() {
    for (name, action) in actions() {
        for output in keys(&action["outputs"]) {
            let value = action["outputs"][output.as_str()]["value"].as_str().expect("a value");
            let own = format!("${{{{ steps.{name}.outputs.{output} }}}}");
            assert_eq!(value, own, "{name}: write the right one as the value of its output {output}");
        }
    }
}

#[test]
fn an_action_has_its_folders_name_and_at_most_two_steps_and_explains_itself() {
    for (name, action) in actions() {
        assert_eq!(action["name"].as_str(), Some(name.as_str()), "name it as its folder");
        assert_eq!(action["runs"]["using"].as_str(), Some("composite"), "{name}: make it a composite action");
        assert!(steps(&action).len() <= 2, "{name}: move what its steps do into `lockgate {name}`");
        for part in ["inputs", "outputs"] {
            for key in keys(&action[part]) {
                let said = action[part][key.as_str()]["description"].as_str().unwrap_or_default();
                assert!(said.len() > 10, "{name}: write a sentence as the description of {key}");
            }
        }
    }
}

#[test]
fn trap_31_only_setup_has_shell_and_everything_else_is_executed_in_the_shells_place() {
    for (name, action) in actions() {
        for step in steps(&action) {
            let Some(run) = step["run"].as_str() else {
                assert_eq!(step["uses"].as_str(), Some("$/actions/setup"), "{name}: nothing but setup goes before it");
                continue;
            };
            assert!(
                !run.contains("${{"),
                "trap 37: {name} has an expression in its shell: hand it on by the step's `env`"
            );
            assert!(
                name == "setup" || run == format!("exec lockgate {name}"),
                "{name} runs `{run}`: write `exec lockgate {name}`; without exec the runner's SIGINT never reaches lockgate"
            );
        }
    }
}

#[test]
fn every_action_is_in_a_folder_with_its_rust() {
    for name in actions().keys() {
        assert!(
            Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("run by cargo")).join(name).join("mod.rs").is_file(),
            "{name}: put its Rust into actions/{name}/mod.rs"
        );
    }
}
