//! Reads a plan's JSON as a stream
//! ([format](https://developer.hashicorp.com/terraform/internals/json-format#plan-representation)): the top level's fields
//! in any order, lists by element. Variables, prior state, planned values and configuration are passed over; they hold
//! secrets that nothing marks.

use std::{fmt, io::Read};

use anyhow::{Error, Result, anyhow, bail, ensure};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{error::Category, value::RawValue};

use super::{
    build::{Builder, Options},
    input,
    json::{self, Value},
    model::Plan,
    record::Recorder,
};

/// Reads the plan that `terraform show -json PLANFILE` printed, in UTF-8 or UTF-16, whatever a wrapper printed around it.
/// Its canonical lines go to the recorder.
///
/// # Errors
/// No plan, a broken or cut one, several plans in one stream, a format version other than 0.x and 1.x; reading it or
/// storing the record failed. No message holds anything of the plan's values.
pub fn read(from: impl Read, options: &Options, recorder: &mut Recorder<'_>) -> Result<Plan> {
    let text = input::open(from)?;
    let mut reader = Reader { builder: Builder::new(options, recorder), seen: Seen::default(), error: None };
    let mut json = serde_json::Deserializer::from_reader(text);
    if let Err(error) = json.deserialize_map(&mut reader) {
        return Err(reader.error.take().unwrap_or_else(|| explain(&error)).context("failed to read the plan"));
    }
    // What a wrapper prints behind the plan is passed over; another plan is not.
    if json.end().is_err() && AnObject::deserialize(&mut json).is_ok() {
        bail!(
            "failed to read the plan: another JSON object follows it; a stream of several plans, as terragrunt prints, \
             must be split into one file for each root"
        );
    }
    reader.seen.check()?;
    reader.builder.plan.refresh_only = !reader.seen.changes;
    reader.builder.finish()
}

/// Where it went wrong, without what stood there.
fn explain(error: &serde_json::Error) -> Error {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        Category::Io => anyhow!(
            "reading failed at {place}: {}",
            error.io_error_kind().map_or("unknown".to_owned(), |kind| kind.to_string())
        ),
        Category::Eof => {
            anyhow!("the JSON ends in the middle, at {place}; write `terraform show -json` to a file and give it whole")
        }
        Category::Syntax | Category::Data => {
            anyhow!("this is no JSON of a plan, at {place}; give what `terraform show -json PLANFILE` prints")
        }
    }
}

#[derive(Default)]
struct Seen {
    format: Option<String>,
    state: bool,
    plan: bool,
    changes: bool,
}

impl Seen {
    fn check(&self) -> Result<()> {
        let Some(format) = &self.format else {
            bail!(
                "failed to read the plan: the JSON has no format_version; give what `terraform show -json PLANFILE` prints"
            );
        };
        let major = format.split('.').next().unwrap_or_default();
        ensure!(
            matches!(major, "0" | "1"),
            "failed to read the plan: its format_version is {}, and only 0.x and 1.x are understood; use a newer Lockgate",
            crate::markdown::plain(&crate::markdown::short(format, 40))
        );
        ensure!(
            self.plan || !self.state,
            "failed to read the plan: this is a state; name the plan file: `terraform show -json PLANFILE`"
        );
        Ok(())
    }
}

struct Reader<'b, 's> {
    builder: Builder<'b, 's>,
    seen: Seen,
    error: Option<Error>,
}

type Handler<'b, 's> = fn(&mut Builder<'b, 's>, &Value<'_>) -> Result<()>;

impl<'b, 's> Reader<'b, 's> {
    /// A handler's error cannot travel through serde; it waits here.
    fn keep<E: serde::de::Error>(&mut self, result: Result<()>) -> Result<(), E> {
        result.map_err(|error| {
            self.error = Some(error);
            E::custom("see the error kept aside")
        })
    }

    fn scalar(&mut self, field: &str, value: &Value<'_>) {
        let plan = &mut self.builder.plan;
        let text = || match value {
            Value::Number(text) => (*text).to_owned(),
            value => value.text().unwrap_or_default().to_owned(),
        };
        let truth = || if let Value::Bool(is) = value { Some(*is) } else { None };
        match field {
            "format_version" => {
                plan.format_version = text();
                self.seen.format = Some(text());
            }
            "terraform_version" => plan.terraform_version = crate::markdown::short(&text(), 60),
            "errored" => plan.errored = value.is_true(),
            "complete" => plan.complete = truth(),
            _ => plan.applyable = truth(),
        }
    }
}

impl<'de, 'b, 's> Visitor<'de> for &mut Reader<'b, 's> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Terraform plan")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key::<String>()? {
            let handler: Handler<'b, 's> = match field.as_str() {
                "resource_changes" => Builder::change,
                "resource_drift" => Builder::drift,
                "deferred_changes" => Builder::deferred,
                "relevant_attributes" => Builder::relevant,
                "checks" => Builder::check,
                "action_invocations" | "deferred_action_invocations" => Builder::invocation,
                "output_changes" => {
                    self.seen.plan = true;
                    map.next_value_seed(Outputs(self))?;
                    continue;
                }
                "format_version" | "terraform_version" | "errored" | "complete" | "applyable" => {
                    let raw: Box<RawValue> = map.next_value()?;
                    let result = json::parse(raw.get()).map(|value| self.scalar(&field, &value));
                    self.keep(result)?;
                    continue;
                }
                "variables" | "planned_values" | "prior_state" | "configuration" | "timestamp" | "values" => {
                    self.seen.state |= field == "values";
                    self.seen.plan |= field == "planned_values" || field == "configuration";
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    let name = crate::markdown::short(&field, 100);
                    *self.builder.plan.unknown_fields.entry(name).or_default() += 1;
                    continue;
                }
            };
            self.seen.changes |= field == "resource_changes";
            self.seen.plan |= field == "resource_changes";
            map.next_value_seed(Elements(self, handler))?;
        }
        Ok(())
    }
}

/// A list whose elements go one by one to a handler; null is an empty one.
struct Elements<'r, 'b, 's>(&'r mut Reader<'b, 's>, Handler<'b, 's>);

impl<'de> DeserializeSeed<'de> for Elements<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(reader, handler) = self;
        while let Some(raw) = list.next_element::<Box<RawValue>>()? {
            let result = json::parse(raw.get()).and_then(|value| handler(&mut reader.builder, &value));
            reader.keep(result)?;
        }
        Ok(())
    }
}

/// The outputs by name; null is none.
struct Outputs<'r, 'b, 's>(&'r mut Reader<'b, 's>);

impl<'de> DeserializeSeed<'de> for Outputs<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outputs<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("outputs by name")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
            let result = json::parse(raw.get()).and_then(|value| self.0.builder.output(&name, &value));
            self.0.keep(result)?;
        }
        Ok(())
    }
}

/// An object of any kind.
struct AnObject;

impl<'de> Deserialize<'de> for AnObject {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = AnObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnObject, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(AnObject)
            }
        }
        from.deserialize_map(Any)
    }
}
