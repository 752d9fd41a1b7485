#include <string.h>
#include <strings.h>

#include "lib/net/place.h"

#define FILE_SCHEME	"file://"

enum place_kind
place_kind(const char *text)
{
	const char *sign = strstr(text, "://");

	if (sign == NULL || memchr(text, '/', (size_t)(sign - text)) != NULL ||
	    place_path(text) != text)
		return PLACE_FOLDER;
	if (strncasecmp(text, "s3://", 5) == 0)
		return PLACE_S3;
	if (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0)
		return PLACE_HTTP;
	return PLACE_OTHER;
}

const char *
place_path(const char *text)
{
	size_t len = sizeof(FILE_SCHEME) - 1;

	return strncasecmp(text, FILE_SCHEME, len) == 0 ? text + len : text;
}
