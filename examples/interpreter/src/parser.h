// Tokens to a tree, by recursive descent.
#ifndef PARSER_H
#define PARSER_H

#include "ast.h"

// A block that holds the program. Ends the process when the text is no program.
Node *parse(const char *source, size_t length);

#endif
