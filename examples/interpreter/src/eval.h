// Walks the tree and does what it says.
#ifndef EVAL_H
#define EVAL_H

#include "ast.h"
#include "map.h"

// Names to values, and where to look next.
typedef struct Scope {
    struct Scope *outer;
    Map *names;
} Scope;

struct Function {
    const Node *node;
    Scope *scope;
};

Scope *scope_new(Scope *outer);
void scope_set(Scope *scope, const char *name, Value value);
void run_program(const Node *program, Scope *scope);
Value call(int line, Value callee, const Value *arguments, int count);

#endif
