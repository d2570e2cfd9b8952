# install.mk - install, uninstall, dist, distcheck, deb; part of the Makefile.
#
# DESTDIR is put in front of every path, for packagers.  PREFIX and the directories below choose
# the paths.  SYSCONFDIR and STATEDIR are compiled in: give them both to `make` and to `make install`.

DESTDIR      ?=
SBINDIR      ?= $(PREFIX)/sbin
LIBDIR       ?= $(PREFIX)/lib
DATADIR      ?= $(PREFIX)/share
MANDIR       ?= $(DATADIR)/man
DOCDIR       ?= $(DATADIR)/doc/exim-batv
# Exim's configuration names these two.
SNIPPETSDIR  ?= $(DATADIR)/exim-batv/snippets
MODULEDIR    ?= $(LIBDIR)/exim-batv
UNITDIR      ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR  ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR  ?= $(PREFIX)/lib/tmpfiles.d
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
# $(INITDIR)/batvd is the script for this init: sysvinit, openrc or none; by default openrc if it is there.
INITDIR      ?= $(SYSCONFDIR)/init.d
# cron then does what batv-notify.timer does under systemd.
CRONDIR      ?= $(SYSCONFDIR)/cron.d
INIT         ?=
# Exim's group; by default the first of Debian-exim, exim and mail that exists.
EXIM_GROUP   ?=

INSTALL_ENV = BUILD='$(OUT)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SBINDIR='$(SBINDIR)' LIBDIR='$(LIBDIR)' \
	DATADIR='$(DATADIR)' MANDIR='$(MANDIR)' DOCDIR='$(DOCDIR)' SNIPPETSDIR='$(SNIPPETSDIR)' \
	MODULEDIR='$(MODULEDIR)' UNITDIR='$(UNITDIR)' SYSUSERSDIR='$(SYSUSERSDIR)' TMPFILESDIR='$(TMPFILESDIR)' \
	PKGCONFIGDIR='$(PKGCONFIGDIR)' INITDIR='$(INITDIR)' CRONDIR='$(CRONDIR)' INIT='$(INIT)' SYSCONFDIR='$(SYSCONFDIR)' STATEDIR='$(STATEDIR)' EXIM_GROUP='$(EXIM_GROUP)'

.PHONY: dist distcheck deb
install: all
	@$(INSTALL_ENV) packaging/install install

uninstall:
	@$(INSTALL_ENV) packaging/install uninstall

dist:
	@BUILD='$(BUILD)' packaging/dist

distcheck:
	@BUILD='$(BUILD)' packaging/distcheck

deb: dist
	@BUILD='$(BUILD)' EXIM_VERSION='$(EXIM_VERSION)' EXIM_HEADERS='$(EXIM_HEADERS)' packaging/deb
