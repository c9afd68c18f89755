// Text to tokens.
#ifndef LEXER_H
#define LEXER_H

#include "value.h"

typedef enum {
    T_END, T_NUMBER, T_STRING, T_NAME,
    T_LEFT_PAREN, T_RIGHT_PAREN, T_LEFT_BRACE, T_RIGHT_BRACE, T_LEFT_BRACKET, T_RIGHT_BRACKET,
    T_COMMA, T_DOT, T_SEMICOLON, T_COLON,
    T_PLUS, T_MINUS, T_STAR, T_SLASH, T_PERCENT,
    T_ASSIGN, T_EQUAL, T_NOT_EQUAL, T_LESS, T_LESS_EQUAL, T_GREATER, T_GREATER_EQUAL,
    // Words with a meaning.
    T_AND, T_BREAK, T_CONTINUE, T_ELSE, T_FALSE, T_FN, T_FOR, T_IF, T_IN, T_LET, T_NIL, T_NOT, T_OR, T_RETURN,
    T_TRUE, T_WHILE,
} TokenKind;

typedef struct {
    TokenKind kind;
    int line;
    double number;
    const String *text;
} Token;

typedef struct {
    const char *at;
    const char *end;
    int line;
} Lexer;

void lexer_start(Lexer *lexer, const char *source, size_t length);
Token lexer_next(Lexer *lexer);
const char *token_name(TokenKind kind);

#endif
