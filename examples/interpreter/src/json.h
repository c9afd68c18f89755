// JSON text to values. The way back is `show` with quotes.
#ifndef JSON_H
#define JSON_H

#include "value.h"

Value json_parse(int line, const String *text);

#endif
