#include "ast.h"

#include "arena.h"

Node *node_new(NodeKind kind, int line) {
    Node *node = arena_alloc(sizeof *node);
    node->kind = kind;
    node->line = line;
    return node;
}

void nodes_push(Nodes *nodes, Node *node) {
    if (nodes->length == nodes->capacity) {
        int capacity = nodes->capacity ? nodes->capacity * 2 : 4;
        nodes->items = arena_grow(nodes->items, (size_t)nodes->length * sizeof(Node *), (size_t)capacity * sizeof(Node *));
        nodes->capacity = capacity;
    }
    nodes->items[nodes->length++] = node;
}

void node_dump(Buffer *out, const Node *node, int depth) {
    static const char *const names[] = {
        "constant", "name", "list",   "map",        "function", "unary", "binary", "and",   "or",     "call",     "index",
        "let",      "assign", "expression", "if",   "while",    "for",   "block",  "return", "break", "continue",
    };
    if (node == NULL) {
        return;
    }
    for (int i = 0; i < depth; i++) {
        buffer_text(out, "  ");
    }
    buffer_text(out, names[node->kind]);
    if (node->kind == N_CONSTANT) {
        buffer_byte(out, ' ');
        show(out, node->constant, true);
    }
    if (node->kind == N_UNARY || node->kind == N_BINARY) {
        buffer_byte(out, ' ');
        buffer_text(out, token_name(node->operator));
    }
    if (node->name != NULL) {
        buffer_byte(out, ' ');
        buffer_bytes(out, node->name->bytes, node->name->length);
    }
    buffer_byte(out, '\n');
    node_dump(out, node->first, depth + 1);
    node_dump(out, node->second, depth + 1);
    node_dump(out, node->third, depth + 1);
    for (int i = 0; i < node->nodes.length; i++) {
        node_dump(out, node->nodes.items[i], depth + 1);
    }
}
