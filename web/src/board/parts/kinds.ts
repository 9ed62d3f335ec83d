/** Closed lists of the domain, for filters. */
export const ORDER_STATES = ['registered', 'ready', 'scheduled', 'dispatched', 'accepted', 'en_route', 'on_site', 'in_progress', 'suspended', 'field_done', 'no_access', 'refused', 'not_done', 'under_review', 'returned', 'closed', 'cancelled'] as const;
export const ORDER_KINDS = ['repair', 'inspection', 'inspection_booking', 'appliance_install', 'alteration', 'relight', 'emergency', 'pre_service'] as const;
export const CASE_KINDS = ['repair', 'inspection_booking', 'appliance_install', 'alteration', 'relight', 'refund', 'complaint', 'emergency', 'enquiry', 'pre_service'] as const;
export const CASE_STATES = ['open', 'closed', 'cancelled'] as const;
export const PROMISE_STATES = ['running', 'paused', 'provisional', 'overdue_evidence_pending', 'met', 'met_late_excused', 'breached', 'waived_by_agreement', 'not_applicable'] as const;
export const CLAUSES = Array.from({ length: 16 }, (_, n) => String(n + 1));
export const OUTAGE_STATES = ['announced', 'off', 'restored', 'cancelled'] as const;
export const READINGS = ['clause', 'rule', 'rule_version', 'unit', 'grid', 'month'] as const;
