//! The `.proto` files against the roles table and the rules of naming.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use proto_api::{FILE_DESCRIPTOR_SET, ROLES};

fn files() -> Vec<FileDescriptorProto> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    set.file.into_iter().filter(|file| file.package() == "onboarding.v1").collect()
}

/// The comment of each element of a file, by its path in the descriptor.
fn comments(file: &FileDescriptorProto) -> BTreeMap<Vec<i32>, String> {
    let located = file.source_code_info.iter().flat_map(|info| &info.location);
    located.map(|place| (place.path.clone(), place.leading_comments().to_owned())).collect()
}

/// Every method: its path in a request and the comment above it.
fn methods() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for file in files() {
        let comments = comments(&file);
        for (i, service) in file.service.iter().enumerate() {
            for (k, method) in service.method.iter().enumerate() {
                let path = format!("/onboarding.v1.{}/{}", service.name(), method.name());
                let place = vec![6, i32::try_from(i).unwrap(), 2, i32::try_from(k).unwrap()];
                found.insert(path, comments.get(&place).cloned().unwrap_or_default());
            }
        }
    }
    found
}

#[test]
fn every_method_has_roles_and_every_role_entry_a_method() {
    let in_files: BTreeSet<_> = methods().into_keys().collect();
    let in_table: BTreeSet<_> = ROLES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(in_files, in_table);
}

#[test]
fn the_comment_of_a_method_names_the_roles_of_the_table() {
    let methods = methods();
    for (path, roles) in ROLES {
        let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
        let line = format!("Roles: {}.", names.join(", "));
        let comment = methods.get(*path).unwrap();
        assert!(comment.lines().any(|l| l.trim() == line), "{path}: {line}");
    }
}

#[test]
fn every_file_on_disk_is_compiled_in() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("onboarding/v1");
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let on_disk: BTreeSet<_> = names.map(|name| format!("onboarding/v1/{name}")).collect();
    let compiled: BTreeSet<_> = files().into_iter().map(|file| file.name().to_owned()).collect();
    assert_eq!(on_disk, compiled);
}

#[test]
fn every_message_field_enum_and_value_is_explained() {
    for file in files() {
        let comments = comments(&file);
        let mut places = Vec::new();
        for (i, message) in file.message_type.iter().enumerate() {
            message_places(message, vec![4, i32::try_from(i).unwrap()], &mut places);
        }
        for (i, each) in file.enum_type.iter().enumerate() {
            let at = vec![5, i32::try_from(i).unwrap()];
            let values =
                (0..each.value.len()).map(|k| [at.clone(), vec![2, i32::try_from(k).unwrap()]].concat());
            places.extend(values);
            places.push(at);
        }
        for (i, _) in file.service.iter().enumerate() {
            places.push(vec![6, i32::try_from(i).unwrap()]);
        }
        for place in places {
            let comment = comments.get(&place).map_or("", String::as_str);
            assert!(comment.trim().ends_with('.'), "{}: {place:?}: {comment:?}", file.name());
        }
    }
}

fn message_places(message: &DescriptorProto, at: Vec<i32>, places: &mut Vec<Vec<i32>>) {
    let below = |kind: i32, i: usize| [at.clone(), vec![kind, i32::try_from(i).unwrap()]].concat();
    places.extend((0..message.field.len()).map(|i| below(2, i)));
    let named = message.oneof_decl.iter().enumerate().filter(|(_, one)| !one.name().starts_with('_'));
    places.extend(named.map(|(i, _)| below(8, i)));
    places.push(at);
}

#[test]
fn enum_values_carry_their_enum_as_prefix_and_begin_with_unspecified() {
    for each in files().iter().flat_map(|file| &file.enum_type) {
        let prefix = shouting(each.name());
        assert_eq!(each.value.first().unwrap().name(), format!("{prefix}_UNSPECIFIED"));
        assert!(each.value.iter().all(|value| value.name().starts_with(&prefix)), "{prefix}");
    }
}

fn shouting(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_uppercase());
    }
    text
}

#[test]
fn requests_and_responses_are_named_after_their_method() {
    for method in files().iter().flat_map(|file| &file.service).flat_map(|service| &service.method) {
        assert_eq!(method.input_type(), format!(".onboarding.v1.{}Request", method.name()));
        assert_eq!(method.output_type(), format!(".onboarding.v1.{}Response", method.name()));
    }
}

#[test]
fn points_in_time_end_in_at() {
    for field in files().iter().flat_map(|file| &file.message_type).flat_map(|message| &message.field) {
        if field.type_name() == ".google.protobuf.Timestamp" {
            assert!(field.name() == "at" || field.name().ends_with("_at"), "{}", field.name());
        }
    }
}
