/*
 * ctl_report_chart.c - the charts of batvctl report --html, as SVG.
 *
 * Nothing has a viewBox, so texts and lines keep their size: across, all is in percent of the
 * page's width; downwards, in pixels.
 */
#include <inttypes.h>

#include "base/days.h"
#include "ctl_report.h"

#define TOP 16    /* pixels above the highest value */
#define LABELS 26 /* and below the lowest */
#define FEWEST 7  /* places: a single day is no wall */
#define TICKS 4

/* ---- places ---- */

struct plot {
	size_t first, n, places; /* days, and places for them */
	bool by_date;            /* a day without mail has an empty place */
	int64_t day;             /* of the first place */
	uint64_t most, step;     /* the highest tick, and from one to the next */
	unsigned height;         /* pixels from 0 to `most` */
};

/* 1, 2 or 5 with zeros, so that at most TICKS of them are enough. */
static uint64_t step_for(uint64_t most)
{
	uint64_t step = 1;

	for (unsigned i = 0; step <= UINT64_MAX / 10 && (most + step - 1) / step > TICKS; i++)
		step = i % 3 == 1 ? step / 2 * 5 : step * 2;
	return step;
}

static struct plot make_plot(const struct batv_report *r, uint64_t most, unsigned height)
{
	struct plot p = {.first = batv_ctl_report_first_day(r), .height = height};
	int64_t last;

	p.n = p.places = r->log.n_days - p.first;
	if (p.n > 0) {
		p.day = r->log.days[p.first].day;
		last = r->log.days[r->log.n_days - 1].day;
		/* A wrong date in a log must not make a chart of centuries. */
		p.by_date = (uint64_t)(last - p.day) < 3 * p.n + FEWEST;
		if (p.by_date)
			p.places = (size_t)(last - p.day) + 1;
	}
	if (p.places < FEWEST)
		p.places = FEWEST;
	p.step = step_for(most ? most : 1);
	p.most = (most + p.step - 1) / p.step * p.step;
	if (p.most == 0)
		p.most = p.step;
	return p;
}

static size_t place_of(const struct plot *p, const struct batv_report *r, size_t i)
{
	return p->by_date ? (size_t)(r->log.days[i].day - p->day) : i - p->first;
}

/* Percent from the left, a part of a place further. */
static double across(const struct plot *p, size_t place, double part)
{
	return ((double)place + part) * 100 / (double)p->places;
}

static double up(const struct plot *p, uint64_t value)
{
	return (double)value / (double)p->most * p->height;
}

/* ---- around ---- */

static void begin(FILE *out, const struct plot *p, const char *label)
{
	char text[BATV_REPORT_TEXT_SIZE];
	unsigned all = TOP + p->height + LABELS;

	fprintf(out, "<div class=plot><svg class=scale height=%u aria-hidden=true>", all);
	for (uint64_t v = 0; v <= p->most; v += p->step)
		fprintf(out, "<text x=\"100%%\" y=%.1f dy=4>%s</text>", TOP + p->height - up(p, v),
			batv_ctl_report_number(v, text));
	fprintf(out, "</svg><svg height=%u role=img aria-label=\"%s\">\n", all, label);
	for (uint64_t v = 0; v <= p->most; v += p->step)
		fprintf(out, "<line class=%s x1=0 x2=\"100%%\" y1=%.1f y2=%.1f />",
			v ? "grid" : "base", TOP + p->height - up(p, v),
			TOP + p->height - up(p, v));
	fputc('\n', out);
}

/* Below, at most FEWEST days by name. */
static void end(FILE *out, const struct plot *p, const struct batv_report *r)
{
	size_t every = (p->places + FEWEST - 1) / FEWEST;
	char text[BATV_REPORT_TEXT_SIZE];

	for (size_t i = p->first; i < r->log.n_days; i++) {
		size_t place = place_of(p, r, i);

		if (place % every == 0)
			fprintf(out, "<text x=\"%.3f%%\" y=%u>%s</text>", across(p, place, 0.5),
				TOP + p->height + 19,
				every == 1
					? batv_ctl_report_weekday(r->log.days[i].day, text)
					: batv_ctl_log_date(r->log.days[i].day * BATV_DAY, text));
	}
	fprintf(out, "</svg></div>\n");
}

/* ---- bars ---- */

struct part {
	const char *class, *name;
	uint64_t n;
};

/* From the bottom up.  Before exim-batv, bounces from strangers stand where refusals will. */
static size_t parts_of(const struct batv_report *r, const struct batv_log_day *day,
		       struct part out[static 3])
{
	const uint64_t *n = day->figures;

	if (r->log.decisions == 0) {
		out[0] = (struct part){"ours", "from hosts that we wrote to",
				       n[BATV_LOG_BOUNCES] - n[BATV_LOG_STRANGERS]};
		out[1] = (struct part){"would", "from strangers", n[BATV_LOG_STRANGERS]};
		return 2;
	}
	out[0] = (struct part){"ours", "ours back",
			       n[BATV_LOG_BACK_BY_TAG] + n[BATV_LOG_BACK_BY_MEMORY]};
	out[1] = (struct part){"would", "would be refused", n[BATV_LOG_WOULD]};
	out[2] = (struct part){"refused", "refused", batv_log_report_refused(n)};
	return 3;
}

static void put_bar(FILE *out, const struct plot *p, size_t place, const struct part *parts,
		    size_t n_parts)
{
	double bottom = TOP + p->height;

	for (size_t i = 0; i < n_parts; i++) {
		double height = up(p, parts[i].n);

		if (parts[i].n == 0)
			continue;
		if (height < 2) /* something is not nothing */
			height = 2;
		bottom -= height;
		fprintf(out, "<rect class=%s x=\"%.3f%%\" width=\"%.3f%%\" y=%.1f height=%.1f />",
			parts[i].class, across(p, place, 0.18), across(p, 0, 0.64), bottom,
			height > 3 ? height - 1 : height); /* a line between two parts */
	}
}

static void put_day(FILE *out, const struct plot *p, const struct batv_report *r, size_t i)
{
	const struct batv_log_day *day = &r->log.days[i];
	char name[BATV_REPORT_TEXT_SIZE], text[BATV_REPORT_TEXT_SIZE];
	size_t place = place_of(p, r, i);
	struct part parts[3];
	size_t n = parts_of(r, day, parts);

	fprintf(out, "<g><title>%s:", batv_ctl_log_date(day->day * BATV_DAY, name));
	for (size_t j = n; j-- > 0;)
		fprintf(out, " %s %s%s", batv_ctl_report_number(parts[j].n, text), parts[j].name,
			j > 0 ? "," : "");
	fprintf(out, "</title><rect class=day x=\"%.3f%%\" width=\"%.3f%%\" y=0 height=%u />",
		across(p, place, 0), across(p, 1, 0), TOP + p->height);
	put_bar(out, p, place, parts, n);
	fprintf(out, "</g>\n");
}

static uint64_t height_of(const struct batv_report *r, const struct batv_log_day *day)
{
	struct part parts[3];
	uint64_t sum = 0;

	for (size_t i = parts_of(r, day, parts); i-- > 0;)
		sum += parts[i].n;
	return sum;
}

void batv_ctl_report_chart_days(FILE *out, struct batv_report *r)
{
	uint64_t most = 0;
	struct plot p;

	for (size_t i = batv_ctl_report_first_day(r); i < r->log.n_days; i++)
		if (height_of(r, &r->log.days[i]) > most)
			most = height_of(r, &r->log.days[i]);
	p = make_plot(r, most, 210);
	begin(out, &p, "A bar for each day; the table below has the numbers");
	for (size_t i = p.first; i < r->log.n_days; i++)
		put_day(out, &p, r, i);
	end(out, &p, r);
}

/* ---- the line ---- */

/* The days from *from on that are known without a gap: drawn as a line with the area below it. */
static void put_run(FILE *out, const struct plot *p, struct batv_report *r, size_t *from)
{
	const char *const shapes[] = {"area", "line"};
	double x = 0, first = 0;
	size_t end = *from;
	uint64_t n;

	for (size_t shape = 0; shape < 2; shape++) {
		fprintf(out, "<poly%s class=%s points=\"", shape ? "line" : "gon", shapes[shape]);
		for (end = *from;
		     end < r->log.n_days && batv_ctl_report_signed(r, r->log.days[end].day, &n);
		     end++) {
			x = across(p, place_of(p, r, end), 0.5);
			if (end == *from)
				first = x;
			fprintf(out, "%.3f,%.2f ", x, p->height - up(p, n));
		}
		fprintf(out, shape ? "\" />" : "%.3f,%u %.3f,%u\" />", x, p->height, first,
			p->height);
	}
	*from = end;
}

static void put_points(FILE *out, const struct plot *p, struct batv_report *r)
{
	char name[BATV_REPORT_TEXT_SIZE], text[BATV_REPORT_TEXT_SIZE];
	uint64_t n;

	for (size_t i = p->first; i < r->log.n_days; i++)
		if (batv_ctl_report_signed(r, r->log.days[i].day, &n))
			fprintf(out,
				"<circle class=signed cx=\"%.3f%%\" cy=%.1f r=3.5><title>%s: %s "
				"left "
				"signed</title></circle>\n",
				across(p, place_of(p, r, i), 0.5), TOP + p->height - up(p, n),
				batv_ctl_log_date(r->log.days[i].day * BATV_DAY, name),
				batv_ctl_report_number(n, text));
}

void batv_ctl_report_chart_signed(FILE *out, struct batv_report *r)
{
	uint64_t n, most = 0;
	struct plot p;

	for (size_t i = batv_ctl_report_first_day(r); i < r->log.n_days; i++)
		if (batv_ctl_report_signed(r, r->log.days[i].day, &n) && n > most)
			most = n;
	p = make_plot(r, most, 90);
	begin(out, &p, "A point for each day; the table below has the numbers");
	fprintf(out,
		"<svg y=%d height=%u viewBox=\"0 0 100 %u\" preserveAspectRatio=none "
		"class=stretch>",
		TOP, p.height, p.height);
	for (size_t i = p.first; i < r->log.n_days;)
		if (batv_ctl_report_signed(r, r->log.days[i].day, &n))
			put_run(out, &p, r, &i);
		else
			i++;
	fprintf(out, "</svg>\n");
	put_points(out, &p, r);
	end(out, &p, r);
}

/* ---- a domain's time ---- */

static void put_time(FILE *out, const char *class, const char *title,
		     const struct batv_report_axis *axis, int64_t from, int64_t to)
{
	double span = (double)(axis->to - axis->from), x = 0, end;
	char a[BATV_REPORT_TEXT_SIZE], b[BATV_REPORT_TEXT_SIZE];

	if (span <= 0 || to < axis->from)
		return;
	if (from > axis->from)
		x = (double)(from - axis->from) * 100 / span;
	end = to < axis->to ? (double)(to - axis->from) * 100 / span : 100;
	if (end - x < 1) /* an hour can be seen, too */
		x = end > 1 ? end - 1 : 0;
	fprintf(out,
		"<rect class=%s x=\"%.2f%%\" width=\"%.2f%%\" y=3 height=14><title>%s from %s to "
		"%s</title></rect>",
		class, x, end - x, title, batv_ctl_log_date(from, a), batv_ctl_log_date(to, b));
}

void batv_ctl_report_chart_domain(FILE *out, const struct batv_report_domain *d,
				  const struct batv_report_axis *axis)
{
	int64_t begins = d->since ? d->since : d->grace;
	int64_t armed = !d->refuses ? axis->now : d->when ? d->when : begins;

	fprintf(out, "<svg height=20 role=img aria-label=\"time line\">"
		     "<rect class=track x=0 width=\"100%%\" y=3 height=14 />");
	if (begins && begins < armed)
		put_time(out, "would", "observing", axis, begins, armed);
	if (d->refuses)
		put_time(out, "signed", "refusing", axis, armed, axis->now);
	else if (d->when > axis->now)
		put_time(out, "later", "not before then: observing", axis, axis->now, d->when);
	fprintf(out, "</svg>");
}
