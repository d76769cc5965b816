//! What the crate has: every name an item, a field or a variant bears, and who it belongs to.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};

use crate::tree::Source;

/// Methods that a derive gives without anybody writing them.
const DERIVED: &[(&str, &[&str])] = &[
    ("Clone", &["clone"]),
    ("Debug", &["fmt"]),
    ("Default", &["default"]),
    ("Error", &["source"]),
    ("Hash", &["hash"]),
    ("Ord", &["cmp"]),
    (
        "Parser",
        &[
            "parse",
            "try_parse",
            "parse_from",
            "try_parse_from",
            "command",
        ],
    ),
    ("PartialEq", &["eq"]),
    ("PartialOrd", &["partial_cmp"]),
];

#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Types, traits and modules, each with what can follow it behind `::`. Modules of one name share an entry.
    owners: BTreeMap<String, BTreeSet<String>>,
    /// The names of the Rust files, without their folders.
    files: BTreeSet<String>,
    /// All functions by the path of their file, those of the tests and examples too.
    functions: BTreeMap<String, BTreeSet<String>>,
}

impl Inventory {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let mut inventory = Self::default();
        for source in sources {
            let name = source.path.rsplit('/').next().unwrap_or_default();
            inventory.files.insert(name.to_owned());
            let functions = (1..source.tokens.len()).filter(|at| source.token(at - 1) == "fn");
            let functions = functions.map(|at| source.token(at).to_owned());
            let of_file = inventory.functions.entry(source.path.clone());
            of_file.or_default().extend(functions);
        }
        for source in sources.iter().filter(|source| source.is_below("src")) {
            inventory.add_file(source);
        }
        inventory
    }

    /// Whether the crate has a type, a trait or a module of this name.
    pub(crate) fn owns(&self, name: &str) -> bool {
        self.owners.contains_key(name)
    }

    /// Whether `name` can follow `owner` behind `::`.
    pub(crate) fn has(&self, owner: &str, name: &str) -> bool {
        self.owners
            .get(owner)
            .is_some_and(|members| members.contains(name))
    }

    /// Whether anything in the crate bears this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.owns(name) || self.owners.values().any(|members| members.contains(name))
    }

    pub(crate) fn has_file(&self, name: &str) -> bool {
        self.files.contains(name)
    }

    pub(crate) fn has_function(&self, name: &str) -> bool {
        self.functions
            .values()
            .any(|of_file| of_file.contains(name))
    }

    pub(crate) fn has_function_in(&self, path: &str, name: &str) -> bool {
        let of_file = self.functions.get(path);
        of_file.is_some_and(|functions| functions.contains(name))
    }

    fn add_file(&mut self, source: &Source) {
        let path = &source.scopes[0];
        for pair in path.windows(2) {
            self.add(&pair[0], &pair[1]);
        }
        let module = path.last().cloned().unwrap_or_default();
        let mut reader = Reader {
            inventory: self,
            module,
        };
        reader.visit_file(&source.syntax);
    }

    fn add(&mut self, owner: &str, name: &str) {
        self.owners
            .entry(owner.to_owned())
            .or_default()
            .insert(name.to_owned());
    }
}

struct Reader<'a> {
    inventory: &'a mut Inventory,
    /// The module that is being read.
    module: String,
}

impl Reader<'_> {
    /// A named item of the module.
    fn item(&mut self, name: &syn::Ident) {
        self.inventory.add(&self.module, &name.to_string());
    }

    /// A type or a trait: an item that owns names itself.
    fn owner(&mut self, name: &syn::Ident, attributes: &[syn::Attribute]) {
        self.item(name);
        self.inventory.owners.entry(name.to_string()).or_default();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("derive"))
        {
            // A derive that does not parse would not have compiled.
            let _ = attribute.parse_nested_meta(|meta| {
                let last = meta
                    .path
                    .segments
                    .last()
                    .map(|segment| segment.ident.to_string())
                    .unwrap_or_default();
                let methods = DERIVED
                    .iter()
                    .filter(|(name, _)| *name == last)
                    .flat_map(|(_, methods)| *methods);
                methods.for_each(|method| self.inventory.add(&name.to_string(), method));
                Ok(())
            });
        }
    }

    fn fields(&mut self, owner: &syn::Ident, fields: &syn::Fields) {
        for name in fields.iter().filter_map(|field| field.ident.as_ref()) {
            self.inventory.add(&owner.to_string(), &name.to_string());
        }
    }

    fn import(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => self.import(&path.tree),
            syn::UseTree::Name(name) => self.item(&name.ident),
            syn::UseTree::Rename(renamed) => self.item(&renamed.rename),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree)),
            syn::UseTree::Glob(_) => {}
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.item(&item.ident);
        self.inventory
            .owners
            .entry(item.ident.to_string())
            .or_default();
        let outer = std::mem::replace(&mut self.module, item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module = outer;
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.owner(&item.ident, &item.attrs);
        self.fields(&item.ident, &item.fields);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.owner(&item.ident, &item.attrs);
        for variant in &item.variants {
            self.inventory
                .add(&item.ident.to_string(), &variant.ident.to_string());
            self.fields(&item.ident, &variant.fields);
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.owner(&item.ident, &item.attrs);
        for member in &item.items {
            let name = match member {
                syn::TraitItem::Fn(function) => &function.sig.ident,
                syn::TraitItem::Const(constant) => &constant.ident,
                syn::TraitItem::Type(kind) => &kind.ident,
                _ => continue,
            };
            self.inventory
                .add(&item.ident.to_string(), &name.to_string());
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let syn::Type::Path(path) = &*item.self_ty else {
            return;
        };
        let Some(owner) = path.path.segments.last() else {
            return;
        };
        for member in &item.items {
            let name = match member {
                syn::ImplItem::Fn(function) => &function.sig.ident,
                syn::ImplItem::Const(constant) => &constant.ident,
                syn::ImplItem::Type(kind) => &kind.ident,
                _ => continue,
            };
            self.inventory
                .add(&owner.ident.to_string(), &name.to_string());
        }
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.owner(&item.ident, &item.attrs);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.item(&item.sig.ident);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.item(&item.ident);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.item(&item.ident);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !matches!(item.vis, syn::Visibility::Inherited) {
            self.import(&item.tree);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let text = "
            pub use inner::{Deep, Other as Renamed};
            #[derive(Default)] pub struct Frame { bytes: u8 }
            impl Frame { const SIZE: usize = 1; fn take() {} }
            enum State { Idle, Busy { since: u8 } }
            trait Verb { fn act(); }
            type Short = Frame;
            const LIMIT: usize = 1;
            fn run() { struct Hidden; }
            mod inner { pub fn deep() {} }
        ";
        Inventory::of(&[
            Source::snippet("src/relay/frame_log.rs", text),
            Source::snippet("tests/a.rs", "fn b() {}"),
        ])
    }

    #[test]
    fn what_belongs_to_a_type_or_a_module_is_found_under_it() {
        let inventory = inventory();
        let expected = [
            ("crate", "relay"),
            ("relay", "frame_log"),
            ("frame_log", "Frame"),
            ("frame_log", "LIMIT"),
            ("frame_log", "run"),
            ("frame_log", "Deep"),
            ("frame_log", "Renamed"),
            ("inner", "deep"),
            ("Frame", "bytes"),
            ("Frame", "SIZE"),
            ("Frame", "take"),
            ("Frame", "default"),
            ("State", "Idle"),
            ("State", "since"),
            ("Verb", "act"),
        ];
        let missing: Vec<_> = expected
            .iter()
            .filter(|(owner, name)| !inventory.has(owner, name))
            .collect();
        assert_eq!(missing, [] as [&(&str, &str); 0]);
    }

    #[test]
    fn what_the_crate_does_not_have_is_not_found() {
        let inventory = inventory();
        assert!(
            !inventory.has("Frame", "clone")
                && !inventory.has("frame_log", "deep")
                && !inventory.knows("b")
        );
        assert!(inventory.owns("Short") && inventory.knows("Busy") && !inventory.owns("Busy"));
        assert!(inventory.has_file("a.rs") && !inventory.has_file("b.rs"));
        assert!(inventory.has_function("b") && !inventory.has_function("inner"));
    }
}
