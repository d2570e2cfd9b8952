/*
 * ctl_doctor.h - the groups of checks of batvctl doctor.  Each adds its findings; nothing that they
 * do changes anything.
 */
#ifndef BATV_CTL_DOCTOR_H
#define BATV_CTL_DOCTOR_H

#include "ctl_doctor_finding.h"

void batv_ctl_doctor_exim(struct batv_ctl_doctor *doctor);   /* the program and its configuration */
void batv_ctl_doctor_acl(struct batv_ctl_doctor *doctor);    /* what was changed in Debian's */
void batv_ctl_doctor_route(struct batv_ctl_doctor *doctor);  /* do bounces to tags arrive? */
void batv_ctl_doctor_files(struct batv_ctl_doctor *doctor);  /* batvd and its files */
void batv_ctl_doctor_fleet(struct batv_ctl_doctor *doctor);  /* batv-fleet, if there is one */
void batv_ctl_doctor_notify(struct batv_ctl_doctor *doctor); /* the address notify */
void batv_ctl_doctor_etc(struct batv_ctl_doctor *doctor);    /* files of others */
void batv_ctl_doctor_log(struct batv_ctl_doctor *doctor);    /* Exim's log */
void batv_ctl_doctor_peers(struct batv_ctl_doctor *doctor);  /* --against */
void batv_ctl_doctor_dns(struct batv_ctl_doctor *doctor);    /* --dns */

#endif
