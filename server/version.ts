/** The version that events, exports and the API name. */
export const version = '0.1.0';
