#include "lexer.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"

typedef struct {
    const char *text;
    TokenKind kind;
} Word;

static const Word words[] = {
    {"and", T_AND},   {"break", T_BREAK}, {"continue", T_CONTINUE}, {"else", T_ELSE}, {"false", T_FALSE}, {"fn", T_FN},
    {"for", T_FOR},   {"if", T_IF},       {"in", T_IN},             {"let", T_LET},   {"nil", T_NIL},     {"not", T_NOT},
    {"or", T_OR},     {"return", T_RETURN}, {"true", T_TRUE},       {"while", T_WHILE},
};

static const Word signs[] = {
    {"==", T_EQUAL},        {"!=", T_NOT_EQUAL},   {"<=", T_LESS_EQUAL}, {">=", T_GREATER_EQUAL},
    {"(", T_LEFT_PAREN},    {")", T_RIGHT_PAREN},  {"{", T_LEFT_BRACE},  {"}", T_RIGHT_BRACE},
    {"[", T_LEFT_BRACKET},  {"]", T_RIGHT_BRACKET}, {",", T_COMMA},      {".", T_DOT},
    {";", T_SEMICOLON},     {":", T_COLON},        {"+", T_PLUS},        {"-", T_MINUS},
    {"*", T_STAR},          {"/", T_SLASH},        {"%", T_PERCENT},     {"=", T_ASSIGN},
    {"<", T_LESS},          {">", T_GREATER},
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

void lexer_start(Lexer *lexer, const char *source, size_t length) {
    lexer->at = source;
    lexer->end = source + length;
    lexer->line = 1;
}

static void skip_blanks(Lexer *lexer) {
    while (lexer->at < lexer->end) {
        char c = *lexer->at;
        if (c == '#') {
            while (lexer->at < lexer->end && *lexer->at != '\n') {
                lexer->at++;
            }
        } else if (c == '\n') {
            lexer->line++;
            lexer->at++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            lexer->at++;
        } else {
            return;
        }
    }
}

static Token make(const Lexer *lexer, TokenKind kind) {
    return (Token){.kind = kind, .line = lexer->line};
}

static Token number(Lexer *lexer) {
    const char *start = lexer->at;
    while (lexer->at < lexer->end && is_digit(*lexer->at)) {
        lexer->at++;
    }
    if (lexer->at + 1 < lexer->end && *lexer->at == '.' && is_digit(lexer->at[1])) {
        lexer->at++;
        while (lexer->at < lexer->end && is_digit(*lexer->at)) {
            lexer->at++;
        }
    }
    char text[64];
    size_t length = (size_t)(lexer->at - start);
    if (length >= sizeof text) {
        fail(lexer->line, "number of %zu digits", length);
    }
    memcpy(text, start, length);
    text[length] = '\0';
    Token token = make(lexer, T_NUMBER);
    token.number = strtod(text, NULL);
    return token;
}

static unsigned hex4(Lexer *lexer) {
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
        char c = lexer->at < lexer->end ? *lexer->at++ : '\0';
        if (is_digit(c)) {
            code = code * 16 + (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            code = code * 16 + (unsigned)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            code = code * 16 + (unsigned)(c - 'A') + 10;
        } else {
            fail(lexer->line, "four hexadecimal digits belong behind \\u");
        }
    }
    return code;
}

static Token string(Lexer *lexer) {
    Buffer text = {0};
    int line = lexer->line;
    lexer->at++;
    for (;;) {
        if (lexer->at == lexer->end) {
            fail(line, "string without end");
        }
        char c = *lexer->at++;
        if (c == '"') {
            break;
        }
        if (c == '\n') {
            lexer->line++;
        }
        if (c != '\\') {
            buffer_byte(&text, c);
            continue;
        }
        c = lexer->at < lexer->end ? *lexer->at++ : '\0';
        switch (c) {
        case 'n':
            buffer_byte(&text, '\n');
            break;
        case 't':
            buffer_byte(&text, '\t');
            break;
        case 'r':
            buffer_byte(&text, '\r');
            break;
        case 'u':
            buffer_code_point(&text, hex4(lexer));
            break;
        case '"':
        case '\\':
        case '/':
            buffer_byte(&text, c);
            break;
        default:
            fail(lexer->line, "unknown escape \\%c", c);
        }
    }
    Token token = {.kind = T_STRING, .line = line};
    token.text = string_of(text.bytes ? text.bytes : "", text.length);
    return token;
}

static Token name(Lexer *lexer) {
    const char *start = lexer->at;
    while (lexer->at < lexer->end && is_name(*lexer->at)) {
        lexer->at++;
    }
    size_t length = (size_t)(lexer->at - start);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].text) == length && memcmp(words[i].text, start, length) == 0) {
            return make(lexer, words[i].kind);
        }
    }
    Token token = make(lexer, T_NAME);
    token.text = string_of(start, length);
    return token;
}

Token lexer_next(Lexer *lexer) {
    skip_blanks(lexer);
    if (lexer->at == lexer->end) {
        return make(lexer, T_END);
    }
    char c = *lexer->at;
    if (is_digit(c)) {
        return number(lexer);
    }
    if (c == '"') {
        return string(lexer);
    }
    if (is_name(c)) {
        return name(lexer);
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        size_t length = strlen(signs[i].text);
        if ((size_t)(lexer->end - lexer->at) >= length && memcmp(signs[i].text, lexer->at, length) == 0) {
            lexer->at += length;
            return make(lexer, signs[i].kind);
        }
    }
    fail(lexer->line, "unexpected character `%c`", c);
}

const char *token_name(TokenKind kind) {
    switch (kind) {
    case T_END:
        return "the end";
    case T_NUMBER:
        return "a number";
    case T_STRING:
        return "a string";
    case T_NAME:
        return "a name";
    default:
        break;
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (signs[i].kind == kind) {
            return signs[i].text;
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i].kind == kind) {
            return words[i].text;
        }
    }
    return "?";
}
