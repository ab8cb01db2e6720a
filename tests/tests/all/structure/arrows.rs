//! Which file uses what another one defines.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use syn::Expr;
use syn::FnArg;
use syn::GenericArgument;
use syn::ImplItem;
use syn::Item;
use syn::Member;
use syn::Pat;
use syn::PathArguments;
use syn::Signature;
use syn::Type;
use syn::visit;
use syn::visit::Visit;

use crate::structure::modules::Crate;
use crate::structure::modules::Definition;
use crate::structure::modules::imported;
use crate::structure::modules::is_test;

/// Arrows from file to file. Methods count as well, as far as the type of what they are called on is written down: a
/// method is used where it is written, wherever its type is.
pub(crate) fn arrows(of: &Crate) -> BTreeSet<(usize, usize)> {
    let types = Types::read(of);
    let mut arrows = BTreeSet::new();
    for (module, content) in of.modules.iter().enumerate() {
        for item in &content.items {
            let mut uses =
                Uses { of, types: &types, module, own: None, known: BTreeMap::new(), arrows: &mut arrows };
            match item {
                Item::Use(item) => imported(item).iter().for_each(|path| uses.note(path)),
                item => uses.visit_item(item),
            }
        }
    }
    arrows
}

/// What is written down of types.
#[derive(Debug, Default)]
struct Types {
    fields: BTreeMap<(Definition, String), Definition>,
    /// The files in which a type has a method of that name.
    methods: BTreeMap<(Definition, String), BTreeSet<usize>>,
}

impl Types {
    fn read(of: &Crate) -> Types {
        let mut types = Types::default();
        for (module, content) in of.modules.iter().enumerate() {
            for item in &content.items {
                match item {
                    Item::Struct(item) => {
                        let owner = Definition { module, name: item.ident.to_string() };
                        for field in &item.fields {
                            if let Some(name) = &field.ident
                                && let Some(kind) = type_of(of, module, None, &field.ty)
                            {
                                types.fields.insert((owner.clone(), name.to_string()), kind);
                            }
                        }
                    }
                    Item::Impl(item) => {
                        let Some(owner) = type_of(of, module, None, &item.self_ty) else { continue };
                        for method in &item.items {
                            if let ImplItem::Fn(method) = method {
                                let key = (owner.clone(), method.sig.ident.to_string());
                                types.methods.entry(key).or_default().insert(content.file);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        types
    }
}

/// The type of this crate behind references, boxes and the like.
fn type_of(of: &Crate, module: usize, own: Option<&Definition>, kind: &Type) -> Option<Definition> {
    match kind {
        Type::Reference(reference) => type_of(of, module, own, &reference.elem),
        Type::Paren(paren) => type_of(of, module, own, &paren.elem),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            if last.ident == "Self" {
                return own.cloned();
            }
            if ["Arc", "Box", "Rc"].iter().any(|around| last.ident == around)
                && let PathArguments::AngleBracketed(inner) = &last.arguments
            {
                let mut inner = inner.args.iter();
                return inner.find_map(|inner| match inner {
                    GenericArgument::Type(inner) => type_of(of, module, own, inner),
                    _ => None,
                });
            }
            of.resolve(module, &segments(&path.path))
        }
        _ => None,
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// Looks through one item.
struct Uses<'a> {
    of: &'a Crate,
    types: &'a Types,
    module: usize,
    /// The type whose methods these are.
    own: Option<Definition>,
    /// Arguments whose types are this crate's.
    known: BTreeMap<String, Definition>,
    arrows: &'a mut BTreeSet<(usize, usize)>,
}

impl Uses<'_> {
    fn note(&mut self, path: &[String]) {
        if let Some(definition) = self.of.resolve(self.module, path) {
            self.arrow(self.of.modules[definition.module].file);
            // A function of a type, by its path: where it is written, too.
            if let Some(method) = path.last().filter(|last| **last != definition.name) {
                self.method(definition, method);
            }
        }
    }

    fn method(&mut self, owner: Definition, method: &str) {
        let files = self.types.methods.get(&(owner, method.to_owned()));
        files.into_iter().flatten().for_each(|file| self.arrow(*file));
    }

    fn arrow(&mut self, to: usize) {
        let from = self.of.modules[self.module].file;
        if from != to {
            self.arrows.insert((from, to));
        }
    }

    /// The type of an expression, if it is an argument, or a field of one.
    fn kind(&self, expression: &Expr) -> Option<Definition> {
        match expression {
            Expr::Path(path) if path.path.is_ident("self") => self.own.clone(),
            Expr::Path(path) => self.known.get(&path.path.get_ident()?.to_string()).cloned(),
            Expr::Reference(reference) => self.kind(&reference.expr),
            Expr::Paren(paren) => self.kind(&paren.expr),
            Expr::Field(field) => {
                let Member::Named(name) = &field.member else { return None };
                self.types.fields.get(&(self.kind(&field.base)?, name.to_string())).cloned()
            }
            _ => None,
        }
    }

    fn arguments(&mut self, signature: &Signature) {
        self.known.clear();
        for argument in &signature.inputs {
            if let FnArg::Typed(argument) = argument
                && let Pat::Ident(name) = &*argument.pat
                && let Some(kind) = type_of(self.of, self.module, self.own.as_ref(), &argument.ty)
            {
                self.known.insert(name.ident.to_string(), kind);
            }
        }
    }
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.own = type_of(self.of, self.module, None, &item.self_ty);
        visit::visit_item_impl(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.arguments(&item.sig);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_test(&item.attrs) {
            self.arguments(&item.sig);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.note(&segments(path));
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if let Some(owner) = self.kind(&call.receiver) {
            self.method(owner, &call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    /// What a macro is given is no syntax yet: any path in it counts.
    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.note(&segments(&called.path));
        let text = called.tokens.to_string().replace(" :: ", "::");
        for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let path: Vec<String> = word.split("::").map(str::to_owned).collect();
            if path.len() > 1 && path.iter().all(|segment| !segment.is_empty() && !segment.contains(':')) {
                self.note(&path);
            }
        }
    }
}
