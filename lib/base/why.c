#include <stdarg.h>
#include <stdio.h>

#include "lib/base/why.h"

int
why_failed(char why[static WHY_ROOM], int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY_ROOM, fmt, ap);
	va_end(ap);
	return r;
}
