//! A crate's modules, and what each name in them stands for.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

use syn::Item;
use syn::UseTree;
use syn::Visibility;

/// A crate as its sources say, without its tests.
#[derive(Default)]
pub(crate) struct Crate {
    pub(crate) files: Vec<File>,
    pub(crate) modules: Vec<Module>,
}

/// One source file.
pub(crate) struct File {
    /// From the crate's `src`.
    pub(crate) path: PathBuf,
    pub(crate) lines: usize,
}

/// A module: a file, or a block in one.
pub(crate) struct Module {
    pub(crate) file: usize,
    pub(crate) parent: Option<usize>,
    names: BTreeMap<String, Name>,
    /// Paths whose names are all here.
    globs: Vec<Vec<String>>,
    pub(crate) items: Vec<Item>,
}

enum Name {
    /// Defined here.
    Defined,
    Module(usize),
    /// Another's, by this path.
    Alias(Vec<String>),
}

/// Where a name is defined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Definition {
    pub(crate) module: usize,
    pub(crate) name: String,
}

/// Where a walk along a path has come to.
enum At {
    Module(usize),
    Definition(Definition),
}

/// As many re-exports of re-exports as anybody would write.
const DEEPEST: usize = 16;

impl Crate {
    /// Reads the crate whose root file is `root`.
    pub(crate) fn read(root: &Path) -> Crate {
        let mut found = Crate::default();
        let src = root.parent().unwrap();
        found.file(src, root, None);
        found
    }

    fn file(&mut self, src: &Path, path: &Path, parent: Option<usize>) -> usize {
        let text = std::fs::read_to_string(path).unwrap();
        let parsed = syn::parse_file(&text).unwrap();
        self.files
            .push(File { path: path.strip_prefix(src).unwrap().to_path_buf(), lines: text.lines().count() });
        self.module(src, path, self.files.len() - 1, parent, parsed.items)
    }

    fn module(
        &mut self,
        src: &Path,
        path: &Path,
        file: usize,
        parent: Option<usize>,
        items: Vec<Item>,
    ) -> usize {
        let here = self.modules.len();
        let mut names = BTreeMap::new();
        let mut globs = Vec::new();
        let (blocks, items): (Vec<Item>, Vec<Item>) = items
            .into_iter()
            .filter(|item| !is_test(attributes(item)))
            .partition(|item| matches!(item, Item::Mod(_)));
        for item in &items {
            match item {
                Item::Use(item) => aliases(&item.tree, &mut Vec::new(), &mut names, &mut globs),
                other => _ = name(other).map(|name| names.insert(name, Name::Defined)),
            }
        }
        self.modules.push(Module { file, parent, names, globs, items });
        for block in blocks {
            let Item::Mod(block) = block else { continue };
            let name = block.ident.to_string();
            let child = match block.content {
                Some((_, items)) => self.module(src, path, file, Some(here), items),
                None => match below(path, &name) {
                    Some(child) => self.file(src, &child, Some(here)),
                    // Under a `#[path]`, or made at build time: not one of this crate's files.
                    None => continue,
                },
            };
            self.modules[here].names.insert(name, Name::Module(child));
        }
        here
    }

    /// Where the name at the end of `path`, as the module `from` sees it, is defined. `None` for another crate's, for what
    /// is local to a function, and for a module by itself.
    pub(crate) fn resolve(&self, from: usize, path: &[String]) -> Option<Definition> {
        match self.walk(from, path, DEEPEST)? {
            At::Definition(definition) => Some(definition),
            At::Module(_) => None,
        }
    }

    fn walk(&self, from: usize, path: &[String], depth: usize) -> Option<At> {
        let depth = depth.checked_sub(1)?;
        let mut at = At::Module(from);
        for (n, segment) in path.iter().enumerate() {
            let At::Module(module) = at else { break };
            at = match segment.as_str() {
                "crate" if n == 0 => At::Module(0),
                "self" if n == 0 => At::Module(module),
                "super" => At::Module(self.modules[module].parent?),
                name => self.look_up(module, name, depth)?,
            };
        }
        Some(at)
    }

    fn look_up(&self, module: usize, name: &str, depth: usize) -> Option<At> {
        match self.modules[module].names.get(name) {
            Some(Name::Defined) => Some(At::Definition(Definition { module, name: name.to_owned() })),
            Some(Name::Module(child)) => Some(At::Module(*child)),
            // A path that begins with the name itself is another crate's, or its way in.
            Some(Name::Alias(path)) if path.len() == 1 && path[0] == name => None,
            Some(Name::Alias(path)) => self.walk(module, path, depth),
            None => self.modules[module].globs.iter().find_map(|glob| {
                let At::Module(other) = self.walk(module, glob, depth)? else { return None };
                self.look_up(other, name, depth.checked_sub(1)?)
            }),
        }
    }
}

/// The file of the module `name`, which the file at `path` declares.
fn below(path: &Path, name: &str) -> Option<PathBuf> {
    let folder = match path.file_stem()?.to_str()? {
        "lib" | "main" | "mod" => path.parent()?.to_path_buf(),
        stem => path.parent()?.join(stem),
    };
    let places = [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")];
    places.into_iter().find(|place| place.exists())
}

fn aliases(
    tree: &UseTree,
    before: &mut Vec<String>,
    names: &mut BTreeMap<String, Name>,
    globs: &mut Vec<Vec<String>>,
) {
    let with = |last: String| before.iter().cloned().chain([last]).collect::<Vec<_>>();
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            aliases(&path.tree, before, names, globs);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            let last = before.last().cloned().unwrap_or_default();
            names.insert(last, Name::Alias(before.clone()));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            names.insert(name.clone(), Name::Alias(with(name)));
        }
        UseTree::Rename(rename) => {
            names.insert(rename.rename.to_string(), Name::Alias(with(rename.ident.to_string())));
        }
        UseTree::Glob(_) => globs.push(before.clone()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| aliases(tree, before, names, globs)),
    }
}

/// Each path that a `use` names, if it is for the file itself: what is re-exported is used elsewhere.
pub(crate) fn imported(item: &syn::ItemUse) -> Vec<Vec<String>> {
    if !matches!(item.vis, Visibility::Inherited) {
        return Vec::new();
    }
    let (mut names, mut globs) = (BTreeMap::new(), Vec::new());
    aliases(&item.tree, &mut Vec::new(), &mut names, &mut globs);
    let paths = names.into_values().filter_map(|name| match name {
        Name::Alias(path) => Some(path),
        _ => None,
    });
    paths.collect()
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether it is there only in tests.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let mut words = conditions.filter_map(|attribute| match &attribute.meta {
        syn::Meta::List(list) => Some(list.tokens.to_string().replace(' ', "")),
        _ => None,
    });
    words.any(|words| words == "test" || words.starts_with("all(test"))
}
