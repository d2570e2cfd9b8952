/* links: core/evidence/class core/evidence/classify core/evidence/parts core/evidence/field core/decide/policy core/decide/servers core/decide/exim_list core/base/span core/evidence/habits core/evidence/codes core/evidence/words core/evidence/decode core/evidence/returned core/evidence/mailbox core/tag/tag core/tag/addr core/base/hmac */
/* also: test-harness/unit/messages */
/*
 * fuzz_classify.c - any bytes as a message: it has one class, the same one each time, whatever
 * comes after what is looked at; and nothing is read beyond the end.
 *
 * Input: a message; header fields end at a newline without a blank after it.
 */
#include "evidence/classify.h"
#include "reach.h"

#define MANY 256 /* header fields of one input */

static const char *recipient(void *ctx, size_t i)
{
	(void)ctx, (void)i;
	return "anna@example.com";
}

static const struct batv_recipients recipients = {1, recipient, NULL};

enum { FOLDED = BATV_CLASS_COUNT, NO_COLON, WITH_BODY, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {
	"dsn", "mdn", "autoreply", "calendar", "report", "other", "folded", "no_colon", "with_body",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	for (size_t i = 0; i < BATV_CLASS_COUNT; i++)
		must(strcmp(outcomes[i], batv_class_name((enum batv_class)i)) == 0);
	must(strcmp(batv_class_name(BATV_CLASS_COUNT), "unknown") == 0);
	reach_start(outcomes, OUTCOMES);
	return 0;
}

/* One field with its folded lines, off the front of the text. */
static struct batv_span take_field(struct batv_span *rest)
{
	struct batv_span field = {rest->p, 0};

	while (field.len < rest->len) {
		if (rest->p[field.len++] != '\n')
			continue;
		if (field.len == rest->len ||
		    (rest->p[field.len] != ' ' && rest->p[field.len] != '\t'))
			break;
		reached(FOLDED);
	}
	rest->p += field.len;
	rest->len -= field.len;
	return field;
}

static void feed(struct batv_classifier *c, struct batv_span field)
{
	const char *colon = memchr(field.p, ':', field.len);
	struct batv_header h = {field, {field.p + field.len, 0}};

	if (colon) {
		h.name.len = (size_t)(colon - field.p);
		h.value = (struct batv_span){colon + 1, field.len - h.name.len - 1};
	} else {
		reached(NO_COLON);
	}
	batv_classify_header(c, h);
}

static enum batv_class classify(struct batv_span text)
{
	struct batv_classifier c;

	batv_classify_start(&c);
	for (unsigned i = 0; i < MANY && text.len > 0; i++) {
		struct batv_span field = take_field(&text);

		if (field.len <= 2 && field.p[field.len - 1] == '\n') {
			reached(WITH_BODY);
			break;
		}
		feed(&c, field);
	}
	return batv_classify_end(&c, text, &recipients);
}

/* Every header field on its own, that each parser meets each text. */
static void classify_value(struct batv_span value)
{
	static const char *const names[] = {"Content-Type",
					    "From",
					    "Subject",
					    "Auto-Submitted",
					    "Precedence",
					    "Content-Class",
					    "X-MS-Exchange-Generated-Message-Source"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct batv_classifier c;

		batv_classify_start(&c);
		batv_classify_header(&c, (struct batv_header){batv_span_of(names[i]), value});
		must(batv_classify_end(&c, (struct batv_span){value.p, 0}, NULL) <
		     BATV_CLASS_COUNT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* libFuzzer's own is not of exactly this size */
	enum batv_class class;

	must(copy);
	if (size > 0)
		memcpy(copy, data, size);
	class = classify((struct batv_span){copy, size});
	must(class < BATV_CLASS_COUNT);
	must(class == classify((struct batv_span){copy, size}));
	reached(class);
	classify_value((struct batv_span){copy, size});
	free(copy);
	return 0;
}
