// A program as a tree.
#ifndef AST_H
#define AST_H

#include "lexer.h"

typedef enum {
    // Expressions.
    N_CONSTANT, N_NAME, N_LIST, N_MAP, N_FUNCTION, N_UNARY, N_BINARY, N_AND, N_OR, N_CALL, N_INDEX,
    // Statements.
    N_LET, N_ASSIGN, N_EXPRESSION, N_IF, N_WHILE, N_FOR, N_BLOCK, N_RETURN, N_BREAK, N_CONTINUE,
} NodeKind;

typedef struct Node Node;

typedef struct {
    Node **items;
    int length;
    int capacity;
} Nodes;

struct Node {
    NodeKind kind;
    int line;
    TokenKind operator;
    Value constant;
    const String *name;
    // Operands, condition, callee, body: what each kind of node has is said where it is made.
    Node *first;
    Node *second;
    Node *third;
    Nodes nodes;
};

Node *node_new(NodeKind kind, int line);
void nodes_push(Nodes *nodes, Node *node);
// The tree as text, one node a line.
void node_dump(Buffer *out, const Node *node, int depth);

#endif
