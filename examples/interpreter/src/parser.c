#include "parser.h"

#include "arena.h"
#include "fail.h"

// How deep a program may be nested.
#define MAX_DEPTH 200

typedef struct {
    Lexer lexer;
    Token now;
    int depth;
    int loops;
    int functions;
} Parser;

static Node *expression(Parser *parser);
static Node *statement(Parser *parser);
static Node *block(Parser *parser);

static void advance(Parser *parser) {
    parser->now = lexer_next(&parser->lexer);
}

static bool accept(Parser *parser, TokenKind kind) {
    if (parser->now.kind != kind) {
        return false;
    }
    advance(parser);
    return true;
}

static Token expect(Parser *parser, TokenKind kind, const char *where) {
    Token token = parser->now;
    if (token.kind != kind) {
        fail(token.line, "expected %s %s, found %s", token_name(kind), where, token_name(token.kind));
    }
    advance(parser);
    return token;
}

static void enter(Parser *parser) {
    if (++parser->depth > MAX_DEPTH) {
        fail(parser->now.line, "nested deeper than %d", MAX_DEPTH);
    }
}

static void leave(Parser *parser) {
    parser->depth--;
}

static Node *constant(int line, Value value) {
    Node *node = node_new(N_CONSTANT, line);
    node->constant = value;
    return node;
}

// N_FUNCTION: one name node for each parameter in `nodes`, and the body.
static Node *function(Parser *parser, const String *name) {
    Node *node = node_new(N_FUNCTION, parser->now.line);
    node->name = name;
    expect(parser, T_LEFT_PAREN, "before the parameters");
    while (parser->now.kind != T_RIGHT_PAREN) {
        Token parameter = expect(parser, T_NAME, "as a parameter");
        Node *made = node_new(N_NAME, parameter.line);
        made->name = parameter.text;
        nodes_push(&node->nodes, made);
        if (!accept(parser, T_COMMA)) {
            break;
        }
    }
    expect(parser, T_RIGHT_PAREN, "behind the parameters");
    int loops = parser->loops;
    parser->loops = 0;
    parser->functions++;
    node->first = block(parser);
    parser->functions--;
    parser->loops = loops;
    return node;
}

// N_MAP: keys and values take turns in `nodes`.
static Node *map_literal(Parser *parser) {
    Node *node = node_new(N_MAP, parser->now.line);
    while (parser->now.kind != T_RIGHT_BRACE) {
        Token key = parser->now;
        if (key.kind != T_NAME && key.kind != T_STRING) {
            fail(key.line, "expected a name or a string as a key, found %s", token_name(key.kind));
        }
        advance(parser);
        expect(parser, T_COLON, "behind a key");
        nodes_push(&node->nodes, constant(key.line, of_string(key.text)));
        nodes_push(&node->nodes, expression(parser));
        if (!accept(parser, T_COMMA)) {
            break;
        }
    }
    expect(parser, T_RIGHT_BRACE, "at the end of a map");
    return node;
}

static Node *primary(Parser *parser) {
    Token token = parser->now;
    Node *node;
    advance(parser);
    switch (token.kind) {
    case T_NUMBER:
        return constant(token.line, of_number(token.number));
    case T_STRING:
        return constant(token.line, of_string(token.text));
    case T_TRUE:
    case T_FALSE:
        return constant(token.line, of_bool(token.kind == T_TRUE));
    case T_NIL:
        return constant(token.line, nil());
    case T_NAME:
        node = node_new(N_NAME, token.line);
        node->name = token.text;
        return node;
    case T_LEFT_PAREN:
        node = expression(parser);
        expect(parser, T_RIGHT_PAREN, "behind an expression");
        return node;
    case T_LEFT_BRACKET:
        node = node_new(N_LIST, token.line);
        while (parser->now.kind != T_RIGHT_BRACKET) {
            nodes_push(&node->nodes, expression(parser));
            if (!accept(parser, T_COMMA)) {
                break;
            }
        }
        expect(parser, T_RIGHT_BRACKET, "at the end of a list");
        return node;
    case T_LEFT_BRACE:
        return map_literal(parser);
    case T_FN:
        return function(parser, NULL);
    default:
        fail(token.line, "expected an expression, found %s", token_name(token.kind));
    }
}

// N_CALL: callee, arguments in `nodes`. N_INDEX: container and key.
static Node *postfix(Parser *parser) {
    Node *node = primary(parser);
    for (;;) {
        int line = parser->now.line;
        if (accept(parser, T_LEFT_PAREN)) {
            Node *call = node_new(N_CALL, line);
            call->first = node;
            while (parser->now.kind != T_RIGHT_PAREN) {
                nodes_push(&call->nodes, expression(parser));
                if (!accept(parser, T_COMMA)) {
                    break;
                }
            }
            expect(parser, T_RIGHT_PAREN, "behind the arguments");
            node = call;
        } else if (accept(parser, T_LEFT_BRACKET)) {
            Node *index = node_new(N_INDEX, line);
            index->first = node;
            index->second = expression(parser);
            expect(parser, T_RIGHT_BRACKET, "behind an index");
            node = index;
        } else if (accept(parser, T_DOT)) {
            Node *index = node_new(N_INDEX, line);
            index->first = node;
            index->second = constant(line, of_string(expect(parser, T_NAME, "behind a dot").text));
            node = index;
        } else {
            return node;
        }
    }
}

static Node *unary(Parser *parser) {
    Token token = parser->now;
    if (token.kind != T_MINUS && token.kind != T_NOT) {
        return postfix(parser);
    }
    advance(parser);
    enter(parser);
    Node *node = node_new(N_UNARY, token.line);
    node->operator = token.kind;
    node->first = unary(parser);
    leave(parser);
    return node;
}

static int strength(TokenKind kind) {
    switch (kind) {
    case T_OR:
        return 1;
    case T_AND:
        return 2;
    case T_EQUAL:
    case T_NOT_EQUAL:
    case T_IN:
        return 3;
    case T_LESS:
    case T_LESS_EQUAL:
    case T_GREATER:
    case T_GREATER_EQUAL:
        return 4;
    case T_PLUS:
    case T_MINUS:
        return 5;
    case T_STAR:
    case T_SLASH:
    case T_PERCENT:
        return 6;
    default:
        return 0;
    }
}

static Node *binary(Parser *parser, int least) {
    Node *left = unary(parser);
    for (;;) {
        Token token = parser->now;
        int own = strength(token.kind);
        if (own == 0 || own < least) {
            return left;
        }
        advance(parser);
        NodeKind kind = token.kind == T_AND ? N_AND : token.kind == T_OR ? N_OR : N_BINARY;
        Node *node = node_new(kind, token.line);
        node->operator = token.kind;
        node->first = left;
        node->second = binary(parser, own + 1);
        left = node;
    }
}

static Node *expression(Parser *parser) {
    enter(parser);
    Node *node = binary(parser, 1);
    leave(parser);
    return node;
}

static Node *block(Parser *parser) {
    Node *node = node_new(N_BLOCK, parser->now.line);
    expect(parser, T_LEFT_BRACE, "before a block");
    enter(parser);
    while (parser->now.kind != T_RIGHT_BRACE && parser->now.kind != T_END) {
        nodes_push(&node->nodes, statement(parser));
    }
    leave(parser);
    expect(parser, T_RIGHT_BRACE, "behind a block");
    return node;
}

static Node *loop_body(Parser *parser) {
    parser->loops++;
    Node *body = block(parser);
    parser->loops--;
    return body;
}

// N_IF: condition, then, else. N_WHILE: condition, body. N_FOR: name, container, body. N_LET: name, value.
static Node *if_statement(Parser *parser, int line) {
    Node *node = node_new(N_IF, line);
    node->first = expression(parser);
    node->second = block(parser);
    if (accept(parser, T_ELSE)) {
        int next = parser->now.line;
        node->third = accept(parser, T_IF) ? if_statement(parser, next) : block(parser);
    }
    return node;
}

static Node *simple(Parser *parser, int line) {
    Node *left = expression(parser);
    Node *node;
    if (accept(parser, T_ASSIGN)) {
        if (left->kind != N_NAME && left->kind != N_INDEX) {
            fail(line, "only a name or an element can be assigned to");
        }
        node = node_new(N_ASSIGN, line);
        node->first = left;
        node->second = expression(parser);
    } else {
        node = node_new(N_EXPRESSION, line);
        node->first = left;
    }
    expect(parser, T_SEMICOLON, "behind a statement");
    return node;
}

static Node *statement(Parser *parser) {
    Token token = parser->now;
    Node *node;
    switch (token.kind) {
    case T_LET:
        advance(parser);
        node = node_new(N_LET, token.line);
        node->name = expect(parser, T_NAME, "behind let").text;
        expect(parser, T_ASSIGN, "behind the name");
        node->first = expression(parser);
        expect(parser, T_SEMICOLON, "behind a statement");
        return node;
    case T_FN: {
        // A function with a name is a `let`; without one it begins an expression.
        advance(parser);
        node = node_new(N_LET, token.line);
        node->name = expect(parser, T_NAME, "behind fn").text;
        node->first = function(parser, node->name);
        return node;
    }
    case T_IF:
        advance(parser);
        return if_statement(parser, token.line);
    case T_WHILE:
        advance(parser);
        node = node_new(N_WHILE, token.line);
        node->first = expression(parser);
        node->second = loop_body(parser);
        return node;
    case T_FOR:
        advance(parser);
        node = node_new(N_FOR, token.line);
        node->name = expect(parser, T_NAME, "behind for").text;
        expect(parser, T_IN, "behind the name");
        node->first = expression(parser);
        node->second = loop_body(parser);
        return node;
    case T_LEFT_BRACE:
        return block(parser);
    case T_RETURN:
        advance(parser);
        if (parser->functions == 0) {
            fail(token.line, "return outside a function");
        }
        node = node_new(N_RETURN, token.line);
        if (parser->now.kind != T_SEMICOLON) {
            node->first = expression(parser);
        }
        expect(parser, T_SEMICOLON, "behind a statement");
        return node;
    case T_BREAK:
    case T_CONTINUE:
        advance(parser);
        if (parser->loops == 0) {
            fail(token.line, "%s outside a loop", token_name(token.kind));
        }
        node = node_new(token.kind == T_BREAK ? N_BREAK : N_CONTINUE, token.line);
        expect(parser, T_SEMICOLON, "behind a statement");
        return node;
    default:
        return simple(parser, token.line);
    }
}

Node *parse(const char *source, size_t length) {
    Parser parser = {0};
    lexer_start(&parser.lexer, source, length);
    advance(&parser);
    Node *program = node_new(N_BLOCK, 1);
    while (parser.now.kind != T_END) {
        nodes_push(&program->nodes, statement(&parser));
    }
    return program;
}
