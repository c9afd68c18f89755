// The functions that every program finds.
#ifndef BUILTINS_H
#define BUILTINS_H

#include "eval.h"

void builtins_add(Scope *scope);

#endif
